# symbols: AAPL
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass
class Trade:
    entry: float
    size: float = 1.0
    stop: float = 0.0
    log: list[str] = field(default_factory=list)


class Book:
    def __init__(self):
        self.trade: Trade | None = None
        self.hist = []

    def step(self, price: float, volatility: float) -> float:
        if self.trade is None:
            if volatility < 0.02:
                self.trade = Trade(entry=price, stop=price * 0.95)
                self.hist.append(price)
        else:
            self.trade.stop = max(self.trade.stop, price * 0.9)
            if price > 1.1 * self.trade.entry:
                self.trade.size = 0.5
            if price < self.trade.stop:
                self.trade = None
        return 0.0 if self.trade is None else self.trade.size


def strategy(data: pd.DataFrame) -> pd.Series:
    close: NDArray[np.float64] = data["close"].to_numpy()
    volatility = data["close"].pct_change().rolling(20).std().fillna(1.0).to_numpy()
    book = Book()
    weights = [book.step(p, v) for p, v in zip(close, volatility)]
    print(f"entries: {len(book.hist)=}, {book.trade is None = }")
    return pd.Series(weights, index=data.index)
