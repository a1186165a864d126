# rule: MUT001
import numpy as np
import pandas as pd


pd.Series.mean, x = 1, 2


def strategy(data):
    return data["close"] * 0
