# rule: PDS002
import numpy as np
import pandas as pd


import typing
A = typing.Union[np.ndarray]


def strategy(data):
    return data["close"] * 0
