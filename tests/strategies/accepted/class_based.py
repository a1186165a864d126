# symbols: AAPL
import numpy as np
import pandas as pd


class MovingAverageCross:
    """Long while the fast average is above the slow one."""

    def __init__(self, fast: int = 20, slow: int = 60):
        self.fast = fast
        self.slow = slow
        self._signals = None

    def _average(self, close, window):
        return close.rolling(window, min_periods=window).mean()

    def fit(self, close):
        self._signals = np.sign(self._average(close, self.fast) - self._average(close, self.slow))
        return self

    def positions(self):
        if self._signals is None:
            raise RuntimeError("fit first")
        return self._signals.clip(lower=0).fillna(0.0)

    def __repr__(self):
        return f"MovingAverageCross(fast={self.fast}, slow={self.slow})"


def strategy(data):
    model = MovingAverageCross(10, 30)
    print(model)
    return model.fit(data["close"]).positions()
