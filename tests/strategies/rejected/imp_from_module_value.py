# rule: IMP003
from numpy import linalg


def strategy(data):
    return data["close"] * 0
