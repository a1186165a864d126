# rule: PDS001
import numpy as np
import pandas as pd


a = np.zeros(3)
b = a[:]
a.resize(10, refcheck=False)


def strategy(data):
    return data["close"] * 0
