# rule: PDS003
def swap(c):
    def f(*a): return a
    return f
@swap
class A:
    def apply(self, f): return f
a = A()
x = a.apply("to_csv")
def strategy(data):
    return data["close"]
