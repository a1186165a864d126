# rule: DUN001
import math
x = [].__dict__


def strategy(data):
    return data["close"] * 0
