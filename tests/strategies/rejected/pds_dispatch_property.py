# rule: PDS003
class A:
    def __init__(self, d): self.d = d
    @property
    def f(self): return "to_csv"
    def go(self): return self.d.agg(self.f)
def strategy(data):
    return A(data).go()
