# symbols: IBM
from collections import deque, namedtuple
from typing import NamedTuple

import pandas as pd

Bar = namedtuple("Bar", ["high", "low", "close"])


class State(NamedTuple):
    holding: bool
    entry: float = 0.0


def strategy(data):
    window = deque(maxlen=20)
    state = State(False)
    weights = []
    for row in data.itertuples():
        bar = Bar(row.high, row.low, row.close)
        if len(window) == 20:
            ceiling = max(b.high for b in window)
            if not state.holding and bar.close >= ceiling:
                state = state._replace(holding=True, entry=bar.close)
            elif state.holding and bar.close < 0.95 * state.entry:
                state = State(False)
        window.append(bar)
        weights.append(1.0 if state.holding else 0.0)
    return pd.Series(weights, index=data.index)
