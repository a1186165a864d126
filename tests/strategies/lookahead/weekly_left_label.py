# symbols: AAPL
# A week's last close stands under the date on which the week begins.
def strategy(data):
    weekly = data["close"].resample("W-FRI", label="left").last()
    up = weekly > weekly.shift(1)
    return up.astype(float).reindex(data.index, method="ffill").fillna(0.0)
