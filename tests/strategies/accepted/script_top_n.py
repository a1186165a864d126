# symbols: AAPL,GOOG,IBM,MSFT
# params: {"n": "2"}
import pandas as pd

n = int(params.get("n", "2"))
close = data["close"]
volume = data["volume"]

turnover = (close * volume).rolling(20).mean()
momentum = close / close.shift(120) - 1
liquid = turnover.rank(axis=1, pct=True) > 0.25
score = momentum.where(liquid)
position = score.rank(axis=1, ascending=False, method="first") <= n
