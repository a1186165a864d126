# symbols: IBM
import datetime as dt

import pandas as pd


def is_turn_of_month(date: pd.Timestamp) -> bool:
    return date.day >= 28 or date.day <= 3


def strategy(data):
    start = dt.date(2000, 1, 1)
    flags = [is_turn_of_month(d) and d.date() > start for d in data.index]
    monday = data.index.day_of_week == 0
    position = pd.Series(flags, index=data.index).astype(float)
    position[monday] = position[monday] * 0.5
    return position
