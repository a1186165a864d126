# symbols: AAPL
import pandas as pd


def strategy(data):
    close = data["close"]
    frame = pd.DataFrame({"close": close, "month": close.index.month})
    monthly = frame.groupby("month")["close"].transform("mean")
    ranked = frame.groupby("month")["close"].agg(["mean", "std", "count"])
    print(ranked.round(2))
    return (close > monthly).astype(float)
