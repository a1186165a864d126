# symbols: AAPL,GOOG,IBM,MSFT
import numpy as np
import pandas as pd


def strategy(data):
    returns = data["close"].pct_change().fillna(0.0)
    market = returns.mean(axis=1)
    x = np.column_stack([np.ones(len(market)), market.to_numpy()])
    weights = {}
    for symbol in returns.columns:
        beta, *_ = np.linalg.lstsq(x, returns[symbol].to_numpy(), rcond=None)
        weights[symbol] = 1.0 / max(0.1, abs(beta[1]))
    total = sum(weights.values())
    row = pd.Series(weights) / total
    frame = pd.DataFrame([row] * len(returns), index=returns.index)
    return frame
