# symbols: AAPL
# A line through the last 60 closes, fitted anew on every tenth date.
import numpy as np
import pandas as pd


def strategy(data):
    close = data["close"].to_numpy()
    days = np.arange(60)
    weights = np.full(len(close), np.nan)
    for date in range(60, len(close), 10):
        slope, _ = np.polyfit(days, close[date - 59 : date + 1], 1)
        weights[date] = 1.0 if slope > 0 else 0.0
    return pd.Series(weights, index=data.index).ffill().fillna(0.0)
