# rule: PDS003
import numpy as np
import pandas as pd


def strategy(data):
    s = data["close"]
    f = s.agg
    f("to_csv")
    return s
