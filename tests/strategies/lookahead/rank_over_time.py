# symbols: AAPL
# The rank of a close among all closes, later ones included.
def strategy(data):
    return data["close"].rank(pct=True) < 0.4
