# rule: IMP003
from numpy import _globals


def strategy(data):
    return data["close"] * 0
