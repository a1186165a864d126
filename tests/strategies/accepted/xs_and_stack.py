# symbols: AAPL,GOOG,IBM,MSFT
import pandas as pd


def strategy(data):
    close = data.xs("close", axis=1, level=0)
    high = data.loc[:, "high"]
    long = close.stack().rename("close").reset_index()
    long.columns = ["date", "symbol", "close"]
    long["ma"] = long.groupby("symbol")["close"].transform(lambda s: s.rolling(30).mean())
    wide = long.pivot(index="date", columns="symbol", values="ma")
    signal = (close > wide) & (close > 0.9 * high.rolling(60).max())
    signal.index.name = None
    return signal.astype(float) / 4
