# symbols: IBM
import numpy as np
import pandas as pd

OHLC = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def strategy(data):
    rules = {"mean": "mean", "deviation": "std"}
    monthly = data[list(OHLC)].resample("ME").agg(OHLC)
    spread = monthly["close"].agg(["mean", np.std, lambda s: s.quantile(0.9)])
    by_year = monthly.groupby(monthly.index.year).agg(first=("close", "first"), top=pd.NamedAgg("close", "max"))
    rounded = by_year.round(1)
    print(len(rules), spread.to_list(), rounded.tail(1).to_dict("records"))
    up = monthly["close"].diff().gt(0).astype(float)
    return up.reindex(data.index, method="ffill").fillna(0.0)
