# symbols: AAPL,GOOG,IBM,MSFT
import bisect
import heapq

import pandas as pd


def strategy(data):
    close = data["close"]
    momentum = close.pct_change(40)
    weights = pd.DataFrame(0.0, index=close.index, columns=close.columns)
    levels = [0.0, 0.05, 0.1]
    for date, row in momentum.iterrows():
        scores = row.dropna()
        if scores.empty:
            continue
        for symbol in heapq.nlargest(2, scores.index, key=lambda s: scores[s]):
            weights.at[date, symbol] = 0.125 * (1 + bisect.bisect(levels, scores[symbol]))
    return weights
