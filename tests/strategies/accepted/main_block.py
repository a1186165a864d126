# symbols: AAPL
import numpy as np
import pandas as pd


def strategy(data):
    close = data["close"]
    return pd.Series(np.where(close > close.shift(5), 1, 0), index=close.index)


if __name__ == "__main__":
    index = pd.date_range("2024-01-01", periods=10)
    demo = pd.DataFrame({"close": np.arange(10.0)}, index=index)
    print(strategy(demo).tail())
