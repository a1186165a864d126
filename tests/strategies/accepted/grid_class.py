# symbols: AAPL,GOOG,IBM,MSFT
class Grid:
    count = 0
    def __init__(self, lo, hi):
        self.lo, self.hi = lo, hi
        cls = type(self).__name__
        self.label = cls
    @classmethod
    def make(cls, s):
        cls.count += 1
        return cls(s.min(), s.max())
    def _mid(self): return (self.lo + self.hi) / 2
    def levels(self): return [self._mid() + k for k in range(3)]
def strategy(data):
    g = Grid.make(data["close"])
    return data["close"] > g.levels()[0]
