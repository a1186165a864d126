# symbols: AAPL
import numpy as np
import pandas as pd
def strategy(data, params={}):
    n, mult = params.get("n", 10), params.get("mult", 3.0)
    hl2 = data[["high", "low"]].mean(axis=1)
    tr = np.maximum.reduce([
        (data["high"] - data["low"]).values,
        (data["high"] - data["close"].shift()).abs().values,
        (data["low"] - data["close"].shift()).abs().values,
    ])
    atr = pd.Series(tr, data.index).ewm(alpha=1 / n).mean()
    ub, lb = hl2 + mult * atr, hl2 - mult * atr
    trend = pd.Series(1, index=data.index, dtype="int8")
    fub, flb = ub.copy(), lb.copy()
    for i in range(1, len(data)):
        prev = data["close"].iloc[i - 1]
        fub.iloc[i] = min(ub.iloc[i], fub.iloc[i - 1]) if prev <= fub.iloc[i - 1] else ub.iloc[i]
        flb.iloc[i] = max(lb.iloc[i], flb.iloc[i - 1]) if prev >= flb.iloc[i - 1] else lb.iloc[i]
        c = data["close"].iloc[i]
        trend.iloc[i] = 1 if c > fub.iloc[i - 1] else -1 if c < flb.iloc[i - 1] else trend.iloc[i - 1]
    return trend.eq(1).astype(float)
