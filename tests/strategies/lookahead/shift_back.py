# symbols: AAPL
# Tomorrow's close is known today.
def strategy(data):
    close = data["close"]
    return close.shift(-1) > close
