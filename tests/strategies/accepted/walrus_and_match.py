# symbols: AAPL,MSFT
import pandas as pd

def classify(x):
    match x:
        case None:
            return 0
        case float() | int() if x > 0:
            return 1
        case {"w": w, **rest}:
            return w
        case [first, *others]:
            return first
        case (a, b):
            return a + b
        case "flat":
            return 0
        case _:
            return -1

def strategy(data, params):
    if (n := params.get("n")) is None:
        n = 10
    while (k := n) > 100:
        n //= 2
    r = data["close"].pct_change(n)
    return r.map(classify)
