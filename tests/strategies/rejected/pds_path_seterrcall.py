# rule: PDS002
import numpy as np
import pandas as pd


x = np.seterrcall(print)


def strategy(data):
    return data["close"] * 0
