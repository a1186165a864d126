# symbols: MSFT
import pandas as pd


def blocks(index, size):
    for start in range(0, len(index), size):
        yield index[start : start + size]


def strategy(data):
    close = data["close"]
    position = pd.Series(0.0, index=close.index)
    for number, block in enumerate(blocks(close.index, 21)):
        if number == 0:
            continue
        position.loc[block] = float(close.loc[block[0]] > close.iloc[0])
    return position
