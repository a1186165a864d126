# symbols: AAPL
# A week's last close stands under the week's last day.
def strategy(data):
    weekly = data["close"].resample("W-FRI").last()
    up = weekly > weekly.shift(1)
    # The label of an unfinished week lies in the future and is not reached.
    return up.astype(float).reindex(data.index, method="ffill").fillna(0.0)
