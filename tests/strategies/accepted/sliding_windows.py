# symbols: MSFT
import numpy as np
import pandas as pd


def strategy(data):
    close = data["close"].to_numpy()
    windows = np.lib.stride_tricks.sliding_window_view(close, 20)
    position = np.full(len(close), np.nan)
    position[19:] = (windows[:, -1] - windows.mean(axis=1)) / windows.std(axis=1)
    return pd.Series(np.clip(-position / 2, 0, 1), index=data.index).fillna(0)
