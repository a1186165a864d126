# symbols: AAPL
from collections import Counter, OrderedDict, defaultdict

import pandas as pd


def strategy(data):
    close = data["close"]
    up = Counter()
    seen = defaultdict(int)
    for date, change in close.pct_change().items():
        seen[date.month] += 1
        if change > 0:
            up[date.month] += 1
    share = OrderedDict((m, up[m] / seen[m]) for m in sorted(seen))
    best = [m for m, _ in sorted(share.items(), key=lambda kv: kv[1], reverse=True)[:6]]
    return pd.Series([float(d.month in best) for d in close.index], index=close.index)
