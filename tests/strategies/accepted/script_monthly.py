# symbols: AAPL,GOOG,IBM,MSFT
import pandas as pd

close = data["close"]
month_end = close.resample("ME").last()
score = month_end.pct_change(6)
picks = score.rank(axis=1, ascending=False).le(2).astype(float)
picks = picks.div(picks.sum(axis=1), axis=0)
position = picks.reindex(close.index, method="ffill").fillna(0.0)
