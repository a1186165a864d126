# symbols: AAPL IBM MSFT
# The strongest of the year, if it has risen at all; decided on the first date of a month.
def strategy(data):
    close = data["close"]
    momentum = close.pct_change(120)
    best = momentum.rank(axis=1, ascending=False) == 1
    month = close.index.month.to_series(index=close.index)
    decide = month != month.shift(1)
    picks = (best & (momentum > 0)).astype(float)
    return picks.where(decide, axis=0).ffill().fillna(0.0)
