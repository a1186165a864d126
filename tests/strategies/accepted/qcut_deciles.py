# symbols: GOOG
import pandas as pd


def strategy(data):
    frame = data[["close", "volume"]].assign(ret=lambda d: d["close"].pct_change())
    frame["bucket"] = pd.qcut(frame["volume"].rank(method="first"), 5, labels=False)
    frame["cut"] = pd.cut(frame["ret"], bins=[-1, -0.02, 0.02, 1], labels=["down", "flat", "up"])
    counts = frame["cut"].value_counts(normalize=True)
    print(counts.to_dict())
    return ((frame["bucket"] >= 3) & (frame["cut"] != "down")).astype(float)
