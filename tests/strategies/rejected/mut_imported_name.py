# rule: MUT001
from pandas import Series
Series.index = 1


def strategy(data):
    return data["close"] * 0
