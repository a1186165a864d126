# rule: PDS003
def d(f, x="to_csv"): return x
@d
def f(s): return s
def strategy(data):
    return data.agg(f)
