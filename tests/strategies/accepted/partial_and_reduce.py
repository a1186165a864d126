# symbols: AAPL
from functools import partial, reduce
from itertools import accumulate, pairwise, product

import pandas as pd


def above(window, close):
    return close > close.rolling(window).mean()


def strategy(data):
    close = data["close"]
    rules = [partial(above, w) for w in (10, 50, 100)]
    joint = reduce(lambda a, b: a & b, (rule(close) for rule in rules))
    grid = [(a, b) for a, b in product((5, 10), (20, 40)) if a < b]
    print(len(grid), list(accumulate([1, 2, 3])), list(pairwise("abc")))
    return joint.astype(float)
