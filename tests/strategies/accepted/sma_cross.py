# symbols: AAPL
import pandas as pd


def strategy(data):
    close = data["close"]
    fast = close.rolling(20).mean()
    slow = close.rolling(50).mean()
    return (fast > slow).astype(float)
