# rule: BLT003
import numpy as np
np = 1


def strategy(data):
    return data["close"] * 0
