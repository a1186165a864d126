# symbols: AAPL,MSFT
import functools
def retry(times):
    def decorator(func):
        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            for _ in range(times):
                try:
                    return func(*args, **kwargs)
                except ValueError:
                    continue
            return func(*args, **kwargs)
        return wrapper
    return decorator
def register(func):
    SIGNALS.append(func)
    return func
SIGNALS = []
@register
def mom(c): return c.diff(5)
@retry(3)
def strategy(data):
    s = sum(f(data["close"]) for f in SIGNALS)
    return data["close"].rolling(5).apply(last_value).gt(0) & s.gt(0)
def cached(f):
    memo = {}
    def inner(x):
        key = len(x)
        if key not in memo:
            memo[key] = f(x)
        return memo[key]
    return inner
@cached
def last_value(x): return x.iloc[-1]
