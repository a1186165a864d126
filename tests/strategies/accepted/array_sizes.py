# symbols: AAPL
import numpy as np, pandas as pd
import math
def strategy(data):
    n = len(data)
    a = np.zeros((n, 3)); b = np.full(n, 1_000_000_000); c = np.arange(0, 252); d = np.linspace(0, 1, 100)
    e = np.random.default_rng(0).normal(0, 1, (1000, 50)); f = np.tile([1, 2], 3); g = np.repeat([1], n)
    h = pd.date_range("2000-01-01", periods=1000); i = "abc".ljust(20); j = math.comb(10, 3)
    k = "x".zfill(10); l = [[0] * 10 for _ in range(10)]; m = [0.0] * 1000
    print("%-10s|%5.1f%%" % ("a", 2.0), "%(x)08.3f" % {"x": 1}, "100%", "5% of *x")
    print(f"{1.0:>{12}.3f}")
    return data["close"] * (a[:, 0] + 1)
