# symbols: AAPL,GOOG,IBM,MSFT
import pandas as pd


def strategy(data):
    close = data["close"]
    momentum = close.pct_change(60)
    ranks = momentum.rank(axis=1, ascending=False)
    picks = ranks <= 2
    return picks.div(picks.sum(axis=1), axis=0).fillna(0.0)
