# rule: PDS003
def d(fn): return "to_csv"
@d
def f(x): return x
def strategy(data):
    return data.agg(f)
