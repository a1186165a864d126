# symbols: AAPL
# An expanding maximum of the reversed series is the highest price to come.
def strategy(data):
    close = data["close"]
    to_come = close[::-1].expanding().max()[::-1]
    return to_come > close * 1.15
