# symbols: AAPL IBM MSFT
# Cheap is what is below the median of the whole history of returns.
def strategy(data):
    momentum = data["close"].pct_change(20)
    return momentum > momentum.quantile(0.6)
