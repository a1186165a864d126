# symbols: AAPL
def strategy(data):
    span = (data["high"] - data["low"]).rolling(14).mean()
    above = data["close"] > data["close"].shift(1) + 0.5 * span.shift(1)
    heavy = data["volume"] > 1.1 * data["volume"].rolling(20).mean()
    return (above & heavy).rolling(5).max().fillna(0.0)
