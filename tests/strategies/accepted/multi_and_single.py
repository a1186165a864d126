# symbols: AAPL,MSFT
import pandas as pd


def strategy(data):
    close = data["close"]
    if isinstance(close, pd.Series):
        close = close.to_frame("only")
    if isinstance(data.columns, pd.MultiIndex) and hasattr(data, "columns"):
        volume = data["volume"]
    else:
        volume = data[["volume"]]
    active = (volume.rolling(5).mean() > volume.rolling(50).mean()).to_numpy()
    signal = (close > close.rolling(20).mean()) & active
    print(type(close).__name__, f"{type(volume)}", type(volume) == pd.DataFrame)
    return signal.astype(float) / close.shape[1]
