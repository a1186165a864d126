# symbols: AAPL,MSFT
import numpy as np


def zscore(frame, window):
    return (frame - frame.rolling(window).mean()) / frame.rolling(window).std()


open = data["open"]
close = data["close"]
z = zscore(close, 30)
body = (close - open) / open
position = ((z < -1) & (body > 0)).astype(float) * 0.5
