# rule: IMP003
from pandas import io


def strategy(data):
    return data["close"] * 0
