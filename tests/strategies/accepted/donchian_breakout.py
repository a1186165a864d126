# symbols: GOOG
import pandas as pd


def strategy(data):
    high, low, close = data["high"], data["low"], data["close"]
    upper = high.rolling(20).max().shift(1)
    lower = low.rolling(10).min().shift(1)
    position = pd.Series(index=close.index, dtype=float)
    holding = False
    for date in close.index:
        if not holding and close.loc[date] > upper.loc[date]:
            holding = True
        elif holding and close.loc[date] < lower.loc[date]:
            holding = False
        position.loc[date] = 1.0 if holding else 0.0
    return position
