# symbols: AAPL,MSFT
# params: {"lookback": "90", "top": "1"}
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping

import pandas as pd


@dataclass(frozen=True)
class Config:
    lookback: int = 60
    top: int = 1
    tags: list[str] = field(default_factory=list)

    @classmethod
    def from_params(cls, params: Mapping[str, str]) -> Config:
        return cls(lookback=int(params.get("lookback", 60)), top=int(params.get("top", 1)))

    @property
    def label(self) -> str:
        return f"top {self.top} of {self.lookback} days"


def strategy(data: pd.DataFrame, params: dict[str, str]) -> pd.DataFrame:
    config = Config.from_params(params)
    score = data["close"].pct_change(config.lookback)
    chosen = score.rank(axis=1, ascending=False) <= config.top
    print(config.label)
    return chosen
