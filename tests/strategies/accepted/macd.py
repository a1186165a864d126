# symbols: AAPL
import pandas as pd


def macd(close, fast=12, slow=26, signal=9):
    line = close.ewm(span=fast).mean() - close.ewm(span=slow).mean()
    trigger = line.ewm(span=signal).mean()
    return pd.DataFrame({"macd": line, "signal": trigger, "hist": line - trigger})


def strategy(data, params):
    table = macd(data["close"])
    long = table["macd"] > table["signal"]
    return long.shift(1).fillna(False).astype(float)
