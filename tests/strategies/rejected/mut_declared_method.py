# rule: MUT001
import pandas as pd


class A:
    def rolling(self):
        return 1


S = pd.Series
S.rolling = A.rolling


def strategy(data):
    return data["close"] * 0
