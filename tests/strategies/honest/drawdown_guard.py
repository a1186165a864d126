# symbols: AAPL IBM
def strategy(data):
    close = data["close"]
    drawdown = close / close.cummax() - 1
    volume = data["volume"]
    busy = volume > volume.rolling(20).median()
    return ((drawdown > -0.08) & busy).astype(float) / 2
