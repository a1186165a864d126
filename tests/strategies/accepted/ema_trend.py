# symbols: IBM
import numpy as np
import pandas as pd


def ema(series: pd.Series, span: int) -> pd.Series:
    return series.ewm(span=span, adjust=False).mean()


def strategy(data: pd.DataFrame) -> pd.Series:
    close = data["close"]
    signal = np.where(ema(close, 12) > ema(close, 26), 1.0, 0.0)
    return pd.Series(signal, index=close.index, name="position")
