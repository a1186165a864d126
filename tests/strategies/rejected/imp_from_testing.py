# rule: IMP003
from numpy import testing


def strategy(data):
    return data["close"] * 0
