# rule: BLT003
from math import exp as getattr


def strategy(data):
    return data["close"] * 0
