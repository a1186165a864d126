# rule: PDS003
def d(c): return "to_csv"
@d
class F: pass
def strategy(data):
    return data.agg(F)
