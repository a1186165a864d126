# rule: PDS002
import numpy as np
import pandas as pd


x = np.ndarray((1,), dtype=object, buffer=b"12345678")


def strategy(data):
    return data["close"] * 0
