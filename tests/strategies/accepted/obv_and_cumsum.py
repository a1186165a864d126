# symbols: AAPL
import numpy as np
import pandas as pd


def strategy(data):
    direction = np.sign(data["close"].diff()).fillna(0.0)
    obv = (direction * data["volume"]).cumsum()
    return obv.gt(obv.ewm(span=30).mean()).astype(int)
