# symbols: AAPL,MSFT
import numpy as np
import pandas as pd


def strategy(data):
    close = data["close"]
    a, b = close.columns[:2]
    log = np.log(close)
    spread = log[a] - log[b]
    z = (spread - spread.rolling(60).mean()) / spread.rolling(60).std()
    weights = pd.DataFrame(0.0, index=close.index, columns=close.columns)
    weights.loc[z > 1, a] = -0.5
    weights.loc[z > 1, b] = 0.5
    weights.loc[z < -1, a] = 0.5
    weights.loc[z < -1, b] = -0.5
    return weights
