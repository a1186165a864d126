# symbols: GOOG
import numpy as np
import pandas as pd


def slope(values):
    x = np.arange(len(values))
    return np.polyfit(x, values, 1)[0]


def strategy(data):
    close = data["close"]
    trend = close.rolling(30).apply(slope, raw=True)
    span = close.rolling(30).apply(lambda w: w.max() - w.min())
    center = close.rolling(30).apply(np.median)
    return ((trend > 0) & (close > center) & (span > 0)).astype(float)
