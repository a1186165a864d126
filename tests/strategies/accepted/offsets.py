# symbols: AAPL
import pandas as pd
from pandas.tseries.offsets import BDay, MonthEnd


def strategy(data):
    close = data["close"]
    ends = close.index + MonthEnd(0)
    near = (ends - close.index) <= pd.Timedelta(days=3)
    later = close.index + BDay(1)
    next_month = later.month != close.index.month
    quarter = pd.offsets.QuarterEnd(1)
    print(close.index[0] + quarter)
    return pd.Series((near | next_month).astype(float), index=close.index)
