# symbols: MSFT
import pandas as pd


def strategy(data):
    close = data["close"]
    mid = close.rolling(20).mean()
    std = close.rolling(20).std()
    upper, lower = mid + 2 * std, mid - 2 * std
    weight = pd.Series(0.5, index=close.index)
    weight = weight.mask(close < lower, 1.0)
    weight = weight.mask(close > upper, 0.0)
    return weight.where(mid.notna(), 0.0)
