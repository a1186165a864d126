# rule: LNG003
lazy import math


def strategy(data):
    return data["close"] * 0
