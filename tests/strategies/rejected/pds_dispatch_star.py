# rule: PDS003
import numpy as np
import pandas as pd


def strategy(data):
    s = data["close"]
    s.agg(*["to_csv"])
    return s
