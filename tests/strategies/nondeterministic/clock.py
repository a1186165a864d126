# symbols: AAPL
import pandas as pd


def strategy(data):
    fraction = pd.Timestamp.now().nanosecond / 1000 + pd.Timestamp.now().microsecond / 1e6
    return data["close"] * 0 + fraction / 2
