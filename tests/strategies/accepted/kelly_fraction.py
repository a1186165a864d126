# symbols: AAPL
from statistics import fmean, pvariance

import pandas as pd


def kelly(values):
    mean = fmean(values)
    variance = pvariance(values, mean)
    return 0.0 if variance == 0 else min(1.0, max(0.0, mean / variance))


def strategy(data):
    returns = data["close"].pct_change().dropna()
    fractions = [
        kelly(returns.iloc[i - 60 : i].tolist()) if i >= 60 else 0.0
        for i in range(len(returns))
    ]
    return pd.Series(fractions, index=returns.index) * 0.5
