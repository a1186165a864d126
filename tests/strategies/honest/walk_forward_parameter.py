# symbols: AAPL
# On each date the window that has earned most so far.
import pandas as pd


def strategy(data):
    close = data["close"]
    moves = close.pct_change()
    held = pd.DataFrame({window: (close > close.rolling(window).mean()).astype(float) for window in (10, 20, 40)})
    earned = held.shift(1).mul(moves, axis=0).cumsum()
    best = earned.eq(earned.max(axis=1), axis=0)
    return (held * best).max(axis=1)
