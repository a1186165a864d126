# rule: DUN003
import math as __loader__


def strategy(data):
    return data["close"] * 0
