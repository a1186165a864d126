# rule: PDS003
def e(f): return "to_csv"
def d(f):
    @e
    def w(s): return s
    return w
@d
def f(s): return s
def strategy(data):
    return data.agg(f)
