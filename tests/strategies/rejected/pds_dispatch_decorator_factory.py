# rule: PDS003
def d(n):
    def deco(f):
        return n
    return deco
@d("to_csv")
def f(s): return s
def strategy(data):
    return data.agg(f)
