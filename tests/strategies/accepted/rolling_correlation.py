# symbols: AAPL,MSFT
import numpy as np
import pandas as pd


def strategy(data):
    returns = data["close"].pct_change()
    a, b = returns.columns
    corr = returns[a].rolling(60).corr(returns[b])
    weights = pd.DataFrame(np.nan, index=returns.index, columns=returns.columns)
    weights.loc[corr < 0.3] = 0.5
    weights.loc[corr >= 0.3, a] = 1.0
    weights.loc[corr >= 0.3, b] = 0.0
    return weights.ffill().fillna(0.0)
