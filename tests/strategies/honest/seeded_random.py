# symbols: AAPL
# Chance with a seed: one draw a date, so that a later date changes no earlier one.
import numpy as np
import pandas as pd


def strategy(data):
    rng = np.random.default_rng(7)
    return pd.Series(rng.random(len(data)), index=data.index).rolling(5).mean().fillna(0.0)
