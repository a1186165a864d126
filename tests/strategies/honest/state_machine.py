# symbols: AAPL
# In on a new high, out at a trailing stop.
import pandas as pd


def strategy(data):
    close = data["close"]
    high = close.rolling(20).max()
    weights, peak = [], None
    for price, recent in zip(close, high):
        if peak is None and price >= recent:
            peak = price
        elif peak is not None:
            peak = max(peak, price)
            if price < 0.94 * peak:
                peak = None
        weights.append(0.0 if peak is None else 1.0)
    return pd.Series(weights, index=data.index)
