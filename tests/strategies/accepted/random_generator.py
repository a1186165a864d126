# symbols: AAPL
# params: {"seed": "7"}
import numpy as np
import pandas as pd


def strategy(data, params):
    rng = np.random.default_rng(int(params.get("seed", "0")))
    noise = rng.normal(0.0, 1.0, size=len(data))
    picks = rng.choice([0.0, 0.5, 1.0], size=len(data), p=[0.2, 0.3, 0.5])
    return pd.Series(np.where(noise > 0, picks, 0.0), index=data.index)
