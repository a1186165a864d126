# rule: MUT001
import numpy as np
import pandas as pd


pd.Series.pct_change = lambda self, n=1: self * 0 + 1


def strategy(data):
    return data["close"] * 0
