# symbols: AAPL,GOOG,IBM,MSFT
import numpy as np
import pandas as pd
from numpy.linalg import pinv


def strategy(data):
    close = data["close"]
    returns = close.pct_change()
    months = close.groupby([close.index.year, close.index.month]).tail(1).index
    rows = {}
    for date in months:
        window = returns.loc[:date].tail(120).dropna()
        if len(window) < 60:
            continue
        inverse = pinv(window.cov().to_numpy())
        ones = np.ones(inverse.shape[0])
        raw = inverse @ ones / (ones @ inverse @ ones)
        raw = np.clip(raw, 0, None)
        rows[date] = raw / raw.sum() if raw.sum() > 0 else ones / len(ones)
    weights = pd.DataFrame.from_dict(rows, orient="index", columns=close.columns)
    return weights.reindex(close.index).ffill().fillna(0.0)
