# rule: MUT001
import pandas as pd


class A:
    rolling = 1


pd.Series.rolling = A.rolling


def strategy(data):
    return data["close"] * 0
