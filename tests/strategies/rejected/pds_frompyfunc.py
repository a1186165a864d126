# rule: PDS001
import numpy as np
import pandas as pd


x = np.frompyfunc(len, 1, 1)


def strategy(data):
    return data["close"] * 0
