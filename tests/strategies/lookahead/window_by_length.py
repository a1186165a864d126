# symbols: AAPL
# No price of the future, but its length: the window is a tenth of all dates.
def strategy(data):
    close = data["close"]
    return close > close.rolling(len(data) // 10).mean()
