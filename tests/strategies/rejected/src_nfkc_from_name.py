# rule: SRC008
from math import ｓqrt


def strategy(data):
    return data["close"] * 0
