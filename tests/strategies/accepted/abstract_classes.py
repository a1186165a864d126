# symbols: AAPL
from abc import ABC, abstractmethod

import numpy as np
import pandas as pd


class Signal(ABC):
    @abstractmethod
    def compute(self, close: pd.Series) -> pd.Series: ...

    def __add__(self, other):
        return Combined(self, other)


class Trend(Signal):
    def __init__(self, window):
        super().__init__()
        self.window = window

    def compute(self, close):
        return np.sign(close - close.rolling(self.window).mean())


class Momentum(Signal):
    def compute(self, close):
        return np.sign(close.pct_change(60))


class Combined(Signal):
    def __init__(self, *parts):
        self.parts = parts

    def compute(self, close):
        return sum(part.compute(close) for part in self.parts) / len(self.parts)


def strategy(data):
    return (Trend(50) + Momentum()).compute(data["close"]).clip(0, 1).fillna(0)
