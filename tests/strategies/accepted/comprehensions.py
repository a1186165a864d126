# symbols: AAPL,GOOG,IBM,MSFT
import pandas as pd


def strategy(data):
    close = data["close"]
    symbols = [s for s in close.columns if close[s].notna().sum() > 100]
    scores = {s: close[s].pct_change(20) for s in symbols}
    best = {window: close.rolling(window).mean() for window in (10, 20, 50)}
    votes = sum((close > average).astype(int) for average in best.values())
    frame = pd.DataFrame(scores)
    longest = max(best, key=lambda w: w)
    unique = {len(str(s)) for s in symbols}
    print(longest, sorted(unique))
    return ((votes >= 2) & (frame > 0)).astype(float) / max(1, len(symbols))
