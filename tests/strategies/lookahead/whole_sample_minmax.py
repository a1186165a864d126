# symbols: AAPL IBM
# Scaled by the lowest and highest price that there ever will be.
def strategy(data):
    close = data["close"]
    scaled = (close - close.min()) / (close.max() - close.min())
    return (1.0 - scaled).fillna(0.0) / 2
