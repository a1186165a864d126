# symbols: AAPL
import dataclasses
from dataclasses import dataclass
from functools import total_ordering, lru_cache
@dataclasses.dataclass(order=True)
class A:
    x: int = 0
@total_ordering
class B:
    def __init__(self, v): self.v = v
    def __eq__(self, o): return self.v == o.v
    def __lt__(self, o): return self.v < o.v
@dataclass
class Position:
    size: float = 0.0
    entry: float = 0.0
def strategy(data):
    pos = Position()
    out = []
    for px in data["close"]:
        if pos.size == 0 and px > 10:
            pos.size, pos.entry = 1.0, px
        elif pos.size and px < pos.entry:
            pos.size = 0.0
        out.append(pos.size)
    return data["close"] * 0 + out
