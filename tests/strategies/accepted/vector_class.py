# symbols: IBM
class Vec:
    __slots__ = ("x", "y")
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, o): return Vec(self.x + o.x, self.y + o.y)
    def __mul__(self, k): return Vec(self.x * k, self.y * k)
    __rmul__ = __mul__
    def __eq__(self, o): return (self.x, self.y) == (o.x, o.y)
    def __hash__(self): return hash((self.x, self.y))
    def __lt__(self, o): return self.x < o.x
    def __len__(self): return 2
    def __iter__(self): yield self.x; yield self.y
    def __getitem__(self, i): return (self.x, self.y)[i]
    def __setitem__(self, i, v): pass
    def __neg__(self): return Vec(-self.x, -self.y)
    def __bool__(self): return bool(self.x)
    def __repr__(self): return f"{type(self).__name__}({self.x})"
def strategy(data):
    return data["close"] * 0 + (Vec(1, 2) + 2 * Vec(0, 1)).x
