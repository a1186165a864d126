# rule: IMP003
from numpy import load as array


def strategy(data):
    return data["close"] * 0
