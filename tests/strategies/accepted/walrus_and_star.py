# symbols: AAPL
# params: {"windows": "10,20,40"}
import pandas as pd


def strategy(data, params):
    first, *rest = [int(w) for w in params["windows"].split(",")]
    close = data["close"]
    votes = (close > close.rolling(first).mean()).astype(float)
    for window in rest:
        if (average := close.rolling(window).mean()).notna().any():
            votes += (close > average).astype(float)
    return votes / (1 + len(rest))
