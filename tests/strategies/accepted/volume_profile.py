# symbols: GOOG
import numpy as np
import pandas as pd


def strategy(data):
    typical = (data["high"] + data["low"] + data["close"]) / 3
    vwap = (typical * data["volume"]).rolling(20).sum() / data["volume"].rolling(20).sum()
    counts, edges = np.histogram(typical.to_numpy(), bins=20, weights=data["volume"].to_numpy())
    busiest = edges[int(np.argmax(counts))]
    above = data["close"] > vwap
    near = (data["close"] / busiest - 1).abs() < 2
    return (above & near).astype(float)
