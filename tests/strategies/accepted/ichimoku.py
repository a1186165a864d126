# symbols: AAPL
import pandas as pd


def midpoint(data, n):
    return (data["high"].rolling(n).max() + data["low"].rolling(n).min()) / 2


def strategy(data):
    tenkan, kijun = midpoint(data, 9), midpoint(data, 26)
    span_a = ((tenkan + kijun) / 2).shift(26)
    span_b = midpoint(data, 52).shift(26)
    cloud_top = pd.concat([span_a, span_b], axis=1).max(axis=1)
    return ((data["close"] > cloud_top) & (tenkan > kijun)).astype(float)
