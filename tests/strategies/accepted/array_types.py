# symbols: IBM
from typing import Union

import numpy as np
import pandas as pd
from numpy import ndarray


def smooth(values: Union[np.ndarray, list[float]], window: int = 5) -> np.ndarray:
    if not isinstance(values, (list, np.ndarray)):
        raise TypeError(f"cannot smooth {type(values).__name__}")
    kernel: ndarray = np.ones(window) / window
    return np.convolve(np.asarray(values, dtype=float), kernel, mode="full")[: len(values)]


class Filter:
    def __init__(self, window):
        self.__window = window

    def __size(self):
        return self.__window

    def run(self, x: np.ndarray | None) -> np.ndarray:
        return smooth(x, self.__size())


def strategy(data):
    close = data["close"].to_numpy()
    smoothed = Filter(10).run(close)
    return pd.Series((close > smoothed).astype(float), index=data.index)
