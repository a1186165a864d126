# symbols: GOOG
import pandas as pd


def strategy(data):
    close = data["close"]
    peak = close.cummax()
    drawdown = close / peak - 1
    deepest = drawdown.expanding(min_periods=50).quantile(0.1)
    equity = (1 + close.pct_change().fillna(0)).cumprod()
    return ((drawdown > deepest) & (equity > 0)).astype(float)
