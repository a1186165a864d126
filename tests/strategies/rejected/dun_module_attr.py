# rule: DUN001
import math
x = math.__loader__


def strategy(data):
    return data["close"] * 0
