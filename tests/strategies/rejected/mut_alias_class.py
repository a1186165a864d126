# rule: MUT001
import numpy as np
import pandas as pd


S = pd.Series
S.rolling = None


def strategy(data):
    return data["close"] * 0
