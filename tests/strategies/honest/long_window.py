# symbols: AAPL
# Raises on little data: a history that is too short is no look-ahead.
def strategy(data):
    close = data["close"]
    if len(close) < 350:
        raise ValueError("needs 350 dates")
    return close > close.rolling(50).mean()
