# symbols: AAPL
# Mean and deviation of all dates, the later ones included.
def strategy(data):
    close = data["close"]
    score = (close - close.mean()) / close.std()
    return score < -0.5
