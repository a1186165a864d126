# rule: PDS001
import numpy as np
import pandas as pd


x = np.memmap("x")


def strategy(data):
    return data["close"] * 0
