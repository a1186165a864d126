# symbols: MSFT
from functools import lru_cache, wraps

import pandas as pd


def log_call(func):
    @wraps(func)
    def wrapper(*args, **kwargs):
        result = func(*args, **kwargs)
        print(f"{func.__name__} returned {len(result)} rows")
        return result

    return wrapper


@lru_cache(maxsize=None)
def weight_for(days: int) -> float:
    return 1.0 / (1 + days)


@log_call
def signal(close: pd.Series) -> pd.Series:
    return (close > close.rolling(100).mean()).astype(float)


def strategy(data):
    return signal(data["close"]) * (1 - weight_for(9))
