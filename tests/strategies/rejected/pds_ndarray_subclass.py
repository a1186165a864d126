# rule: PDS002
import numpy as np
import pandas as pd


class A(np.ndarray):
    pass


def strategy(data):
    return data["close"] * 0
