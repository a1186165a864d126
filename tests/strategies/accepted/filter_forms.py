# symbols: IBM
def strategy(data):
    c = data["close"]
    keep = ["close"]
    cols = [k for k in data.columns if k != "volume"]
    a = data.filter(items=cols); b = data.filter(keep); e = data.filter(cols)
    g = c.groupby(c.index.year).filter(lambda s: s.count() > 10)
    pos = list(filter(lambda v: v > 0, c))
    r = c.rolling(10).apply(lambda w: w.sum(), raw=True, engine="cython")
    return c > 0
