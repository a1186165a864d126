# rule: PDS002
import numpy as np
import pandas as pd


A = np.ndarray
x = A((1,), dtype=object, buffer=b"12345678")


def strategy(data):
    return data["close"] * 0
