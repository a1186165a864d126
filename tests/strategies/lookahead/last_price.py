# symbols: AAPL
# Everything below the price of the last date is bought.
def strategy(data):
    close = data["close"]
    return close < close.iloc[-1]
