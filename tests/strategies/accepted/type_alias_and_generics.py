# symbols: IBM
from collections.abc import Callable, Iterable
from typing import Optional, Protocol, TypeVar, Union

import pandas as pd

T = TypeVar("T")
Number = Union[int, float]
type Weights = pd.Series


class Rule(Protocol):
    def __call__(self, close: pd.Series) -> pd.Series: ...


def first_of[K](items: Iterable[K], default: Optional[K] = None) -> K | None:
    for item in items:
        return item
    return default


def strategy(data: pd.DataFrame) -> Weights:
    rule: Callable[[pd.Series], pd.Series] = lambda close: close > close.shift(20)
    window: Number = first_of([20, 30], default=10)
    print(window)
    return rule(data["close"]).astype(float)
