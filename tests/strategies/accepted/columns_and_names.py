# symbols: AAPL
import pandas as pd


def strategy(data):
    df = data.copy()
    df.columns = [str(c).lower() for c in df.columns]
    df["ret"] = df["close"].pct_change()
    df["vol"] = df["ret"].rolling(20).std()
    df.loc[df["vol"] > df["vol"].median(), "signal"] = 0.0
    df["signal"] = df["signal"].fillna(1.0)
    signal = df["signal"]
    signal.name = "weight"
    signal.index.name = "date"
    del df["vol"]
    return signal
