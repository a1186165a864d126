# symbols: AAPL,GOOG,IBM,MSFT
def strategy(data, params):
    params = {**{"a": 1, "b": 2}, **params}
    params.setdefault("c", 3)
    params |= {"d": 4}
    a, *rest = sorted(params.items(), key=lambda kv: (-kv[1], kv[0]))
    n = sum(v for _, v in rest if v)
    first = next((k for k in params if k.startswith("a")), None)
    ok = any(x > 1 for x in params.values()) and all(map(bool, params))
    s = {x for x in (1, 2)}; m = {k: v for k, v in zip("ab", range(2))}
    mat = [[i * j for i in range(3)] for j in range(3)]
    return data["close"] > (n if ok else 0)
