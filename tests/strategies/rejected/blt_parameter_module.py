# rule: BLT003
import numpy as np


def f(np):
    return np.testing


def strategy(data):
    return data["close"] * 0
