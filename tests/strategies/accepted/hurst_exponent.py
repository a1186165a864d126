# symbols: AAPL
import numpy as np
def hurst(ts, max_lag=10):
    lags = range(2, max_lag)
    tau = [np.sqrt(np.std(np.subtract(ts[lag:], ts[:-lag]))) for lag in lags]
    poly = np.polyfit(np.log(lags), np.log(tau), 1)
    return poly[0] * 2.0
def strategy(data):
    h = data["close"].rolling(120).apply(hurst, raw=True)
    return h.gt(0.5).astype(float)
