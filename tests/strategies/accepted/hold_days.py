# symbols: AAPL,GOOG,IBM,MSFT
# params: {"every": "21"}
import numpy as np


def strategy(data, params):
    close = data["close"]
    every = int(params["every"])
    score = close.pct_change(63).shift(1)
    top = score.eq(score.max(axis=1), axis=0) & score.notna()
    rebalance = np.arange(len(close)) % every == 0
    weights = top.astype(float)[rebalance]
    return weights
