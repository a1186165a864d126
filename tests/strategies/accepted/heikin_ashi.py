# symbols: AAPL
import pandas as pd
import numpy as np
def strategy(data):
    ha_close = (data["open"] + data["high"] + data["low"] + data["close"]) / 4
    ha_open = np.empty(len(data))
    ha_open[0] = data["open"].iat[0]
    hc = ha_close.values
    for i in range(1, len(data)):
        ha_open[i] = 0.5 * (ha_open[i - 1] + hc[i - 1])
    green = hc > ha_open
    return pd.Series(green.astype(float), index=data.index, name="position")
