# symbols: GOOG
import pandas as pd


def strategy(data):
    close = data["close"].tolist()
    weights = [0.0] * len(close)
    i = 20
    while i < len(close):
        if close[i] > close[i - 20]:
            weights[i] = 1.0
            i += 1
        else:
            i += 2
    while True:
        if weights:
            break
    return pd.Series(weights, index=data.index)
