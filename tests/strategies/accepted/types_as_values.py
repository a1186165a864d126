# symbols: AAPL
from typing import Union, Optional, TypedDict, TypeVar, cast
from dataclasses import dataclass, field
from collections import defaultdict
import pandas as pd
Frame = Union[pd.Series, pd.DataFrame]
Alias = pd.Series | pd.DataFrame
type Prices = pd.DataFrame
T = TypeVar("T", pd.Series, pd.DataFrame)
class Opts(TypedDict, total=False):
    n: int
@dataclass
class Book:
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    last: Optional[pd.Series] = None
    log: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
def strategy(data: pd.DataFrame, params: Optional[dict] = None) -> Union[pd.Series, pd.DataFrame]:
    if isinstance(data["close"], (pd.Series, pd.DataFrame)) and not isinstance(data, pd.Series | pd.Index):
        pass
    if type(data) is pd.DataFrame or type(data["close"]) == pd.Series:
        pass
    match data["close"]:
        case pd.Series():
            return data["close"] > 0
        case pd.DataFrame():
            return data["close"] > 1
    d = defaultdict(lambda: pd.Series(dtype=float))
    ts = list(map(pd.Timestamp, ["2020-01-01"]))
    parts = data["close"].apply(pd.Series)
    xs = [pd.Series([1.0]), pd.DataFrame({"a": [1]})]
    return cast(pd.Series, data["close"])
