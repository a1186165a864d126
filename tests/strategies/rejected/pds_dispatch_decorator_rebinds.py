# rule: PDS003
def d(f):
    def w(s): return s
    w = "to_csv"
    return w
@d
def f(s): return s
def strategy(data):
    return data.agg(f)
