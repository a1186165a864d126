# symbols: IBM
import pandas as pd


def strategy(data):
    weekly = data.resample("W-FRI").agg({"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"})
    up = weekly["close"] > weekly["close"].rolling(10).mean()
    return up.astype(float).reindex(data.index, method="ffill").fillna(0.0)
