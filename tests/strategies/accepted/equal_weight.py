# symbols: AAPL,MSFT
import pandas as pd


def strategy(data):
    close = data["close"]
    return pd.DataFrame(1.0 / close.shape[1], index=close.index, columns=close.columns)
