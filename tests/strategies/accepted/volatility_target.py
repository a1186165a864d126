# symbols: GOOG
import math

import pandas as pd

TRADING_DAYS = 252
TARGET = 0.15


def strategy(data):
    returns = data["close"].pct_change()
    realised = returns.rolling(20).std() * math.sqrt(TRADING_DAYS)
    scale = (TARGET / realised).clip(upper=1.0)
    return scale.where(realised > 0).fillna(0.0)
