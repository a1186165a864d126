# rule: SRC008
import math as ｏｓ


def strategy(data):
    return data["close"] * 0
