# symbols: AAPL
# params: {"period": "14", "low": "30", "high": "70"}
import numpy as np
import pandas as pd


def rsi(close, period):
    delta = close.diff()
    gain = delta.clip(lower=0).ewm(alpha=1 / period, adjust=False).mean()
    loss = (-delta.clip(upper=0)).ewm(alpha=1 / period, adjust=False).mean()
    rs = gain / loss.replace(0, np.nan)
    return 100 - 100 / (1 + rs)


def strategy(data, params):
    value = rsi(data["close"], int(params["period"]))
    position = pd.Series(np.nan, index=value.index)
    position[value < float(params["low"])] = 1.0
    position[value > float(params["high"])] = 0.0
    return position.ffill().fillna(0.0)
