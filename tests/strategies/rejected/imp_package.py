# rule: IMP001
import pandas.api


def strategy(data):
    return data["close"] * 0
