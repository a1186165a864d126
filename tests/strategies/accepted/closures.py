# symbols: MSFT
import pandas as pd


def make_filter(threshold):
    calls = 0

    def keep(value):
        nonlocal calls
        calls += 1
        return 1.0 if value > threshold else 0.0

    def count():
        return calls

    return keep, count


def strategy(data):
    keep, count = make_filter(0.0)
    signal = data["close"].pct_change(5).map(keep)
    print("calls", count())
    return signal.fillna(0.0)
