# symbols: MSFT
# params: {"type": "momentum", "dir": "long"}
import pandas as pd


def candle(open, high, low, close):
    body = abs(close - open)
    return body / (high - low).where(high > low)


def strategy(data, params):
    type = params.get("type", "momentum")
    dir = 1 if params.get("dir") == "long" else 0
    input = data[["open", "high", "low", "close"]]
    filter = candle(*(input[c] for c in input.columns)) > 0.5
    if type == "momentum":
        signal = data["close"].pct_change(10) > 0
    else:
        signal = data["close"].pct_change(10) < 0
    max = signal.astype(float)
    return max * dir * filter.astype(float).rolling(5).mean().fillna(0)
