# rule: PDS003
class A:
    def apply(self, f): return f
def strategy(data):
    a = A()
    a = data
    return a.apply("to_csv")
