# symbols: AAPL
def strategy(data):
    rank = data["close"].rolling(60).rank(pct=True)
    return rank.where(rank > 0.5, 0.0).fillna(0.0)
