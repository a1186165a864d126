# symbols: GOOG
import numpy as np
import pandas as pd


def dominant_period(values):
    detrended = values - np.linspace(values[0], values[-1], len(values))
    power = np.abs(np.fft.rfft(detrended)) ** 2
    return len(values) / (1 + int(np.argmax(power[1:])))


def strategy(data):
    close = data["close"].to_numpy()
    out = np.zeros(len(close))
    for i in range(128, len(close), 5):
        period = dominant_period(close[i - 128 : i])
        half = max(2, int(period / 2))
        out[i : i + 5] = float(close[i - 1] > close[i - half])
    return pd.Series(out, index=data.index)
