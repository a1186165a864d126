# symbols: AAPL,GOOG,IBM,MSFT
# params: {"window": "50"}
import numpy as np


def strategy(data, params):
    window = int(params["window"])
    returns = data["close"].pct_change()
    vol = returns.rolling(window).std() * np.sqrt(252)
    inverse = 1.0 / vol.replace(0.0, np.nan)
    return inverse.div(inverse.sum(axis=1), axis=0).fillna(0.0)
