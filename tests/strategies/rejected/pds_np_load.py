# rule: PDS001
import numpy as np
import pandas as pd


x = np.load("x.npy", allow_pickle=True)


def strategy(data):
    return data["close"] * 0
