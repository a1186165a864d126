# rule: PDS003
def e(f): return lambda g: "to_csv"
@e
def d(f):
    return f
@d
def f(s): return s
def strategy(data):
    return data.agg(f)
