# symbols: AAPL
# Mean and deviation of what was known by then.
def strategy(data):
    close = data["close"]
    score = (close - close.expanding(20).mean()) / close.expanding(20).std()
    return score < 0.5
