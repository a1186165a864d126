# rule: IMP003
from pandas import read_csv


def strategy(data):
    return data["close"] * 0
