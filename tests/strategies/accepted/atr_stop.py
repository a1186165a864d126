# symbols: AAPL
import numpy as np
import pandas as pd


def true_range(data):
    previous = data["close"].shift(1)
    ranges = pd.concat(
        [
            data["high"] - data["low"],
            (data["high"] - previous).abs(),
            (data["low"] - previous).abs(),
        ],
        axis=1,
    )
    return ranges.max(axis=1)


def strategy(data):
    atr = true_range(data).rolling(14).mean()
    close = data["close"]
    weights = np.zeros(len(close))
    stop = np.nan
    for i in range(1, len(close)):
        price = close.iloc[i]
        if np.isnan(atr.iloc[i]):
            continue
        if weights[i - 1] > 0:
            stop = max(stop, price - 3 * atr.iloc[i])
            weights[i] = 0.0 if price < stop else 1.0
        elif price > close.iloc[max(0, i - 20) : i].max():
            weights[i] = 1.0
            stop = price - 3 * atr.iloc[i]
    return pd.Series(weights, index=close.index)
