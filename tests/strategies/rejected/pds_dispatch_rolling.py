# rule: PDS003
import numpy as np
import pandas as pd


def strategy(data):
    s = data["close"]
    s.rolling(5).agg("to_" "csv")
    return s
