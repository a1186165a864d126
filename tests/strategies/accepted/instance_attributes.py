# symbols: AAPL
from dataclasses import dataclass

import pandas as pd


@dataclass
class Position:
    size: float = 0.0
    entry: float = 0.0
    bars: int = 0

    def __post_init__(self):
        self.bars = int(self.bars)


def strategy(data):
    state = Position()
    weights = []
    for price, average in zip(data["close"], data["close"].rolling(30).mean()):
        if state.size == 0 and price > average:
            state.size = 1.0
            state.entry = price
            state.bars = 0
        elif state.size > 0:
            state.bars += 1
            if price < 0.92 * state.entry or state.bars > 60:
                state.size = 0.0
        weights.append(state.size)
    return pd.Series(weights, index=data.index, name="w")
