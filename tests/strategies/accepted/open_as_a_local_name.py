# symbols: IBM
def strategy(data):
    open = data["open"]
    close = data["close"]
    exit = close < open
    gap_up = open > close.shift(1)
    return (gap_up & ~exit).astype(float)
