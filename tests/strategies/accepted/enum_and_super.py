# symbols: AAPL,MSFT
from enum import Enum
class Side(Enum):
    LONG = 1
    SHORT = -1
    @classmethod
    def of(cls, x): return cls(1 if x > 0 else -1)
    @staticmethod
    def flip(s): return Side(-s.value)
class Base(object):
    def __init__(self, n): self.n = n
    def run(self, c): return c.diff(self.n)
class Child(Base):
    def __init__(self, n):
        super(Child, self).__init__(n)
        self._w = 1
    def run(self, c):
        return Base.run(self, c) * self._w * Side.of(1).value
def strategy(data):
    s = Child(3)
    s.n = 4
    return s.run(data["close"]) > Side.flip(Side.LONG).value
