# symbols: AAPL
def strategy(data):
    close = data["close"]
    return close.ewm(span=12, adjust=False).mean() > close.ewm(span=26, adjust=False).mean()
