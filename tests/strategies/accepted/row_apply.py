# symbols: AAPL
import math

import pandas as pd


class Scorer:
    def __init__(self, floor=0.0):
        self.floor = floor

    def score(self, row):
        if math.isnan(row["slow"]):
            return self.floor
        return 1.0 if row["fast"] > row["slow"] else self.floor


def add_averages(frame, fast, slow):
    return frame.assign(fast=frame["close"].rolling(fast).mean(), slow=frame["close"].rolling(slow).mean())


def strategy(data):
    frame = data.pipe(add_averages, 10, slow=30)
    scorer = Scorer()
    print(frame.apply(lambda column: column.isna().sum()).max())
    return frame.apply(lambda row: scorer.score(row), axis=1)
