# symbols: AAPL IBM MSFT
# Rows on the first date of a month only: the dates between hold.
def strategy(data):
    close = data["close"]
    month = close.index.to_series().dt.month
    first = month != month.shift(1)
    inverse = 1 / close.pct_change().rolling(40).std()
    weights = inverse.div(inverse.sum(axis=1), axis=0).fillna(0.0)
    return weights[first.to_numpy()]
