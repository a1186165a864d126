# symbols: AAPL,MSFT
import numpy as np
class Scaler:
    def __init__(self):
        self.mean_ = None
    def fit(self, x):
        self.mean_ = x.mean()
        self.scale_ = x.std()
        return self
    def transform(self, x):
        return (x - self.mean_) / self.scale_
class Filter:
    def apply(self, s, level):
        return s > level
    def filter(self, s):
        return s.dropna()
def strategy(data):
    sc = Scaler()
    f = Filter()
    x = sc.fit(data["close"])
    y = sc.transform(data["close"])
    return f.apply(y, 0.5).astype(float)
