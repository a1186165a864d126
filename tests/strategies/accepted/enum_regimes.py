# symbols: AAPL
from enum import Enum, auto

import pandas as pd


class Regime(Enum):
    BULL = auto()
    BEAR = auto()
    FLAT = auto()


WEIGHTS = {Regime.BULL: 1.0, Regime.BEAR: 0.0, Regime.FLAT: 0.5}


def classify(change: float) -> Regime:
    if change != change:
        return Regime.FLAT
    if change > 0.02:
        return Regime.BULL
    return Regime.BEAR if change < -0.02 else Regime.FLAT


def strategy(data):
    change = data["close"].pct_change(20)
    print(Regime.BULL.name, Regime.BEAR.value)
    return change.map(lambda c: WEIGHTS[classify(c)])
