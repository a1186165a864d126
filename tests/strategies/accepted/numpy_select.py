# symbols: AAPL
import numpy as np
import pandas as pd


def strategy(data):
    close = data["close"].to_numpy(dtype=float)
    change = np.diff(np.log(close), prepend=np.nan)
    conditions = [change > 0.01, change < -0.01]
    weights = np.select(conditions, [1.0, 0.0], default=0.5)
    weights = np.nan_to_num(weights, nan=0.0)
    return pd.Series(weights, index=data.index)
