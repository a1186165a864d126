# rule: PDS002
import numpy as np
import pandas as pd


x = list(map(np.ndarray, [(1,)]))


def strategy(data):
    return data["close"] * 0
