# symbols: MSFT
import pandas as pd


def strategy(data):
    low, high = data["low"].rolling(14).min(), data["high"].rolling(14).max()
    k = 100 * (data["close"] - low) / (high - low)
    d = k.rolling(3).mean()
    entry = (k > d) & (k.shift() <= d.shift()) & (k < 30)
    exit_ = (k < d) & (k > 80)
    state = pd.Series(float("nan"), index=data.index)
    state = state.mask(entry, 1.0).mask(exit_, 0.0)
    return state.ffill().fillna(0.0)
