# symbols: AAPL
# NaN for the first 49 dates.
import numpy as np


def strategy(data):
    close = data["close"]
    mean = close.rolling(50).mean()
    return (close / mean - 1).clip(0, 1).where(mean.notna(), np.nan)
