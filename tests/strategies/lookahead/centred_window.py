# symbols: AAPL
# A centred window averages five dates that are still to come.
def strategy(data):
    close = data["close"]
    smooth = close.rolling(11, center=True).mean()
    return smooth > smooth.shift(1)
