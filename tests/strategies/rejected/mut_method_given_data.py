# rule: MUT001
class A:
    def apply(self, f): return f
    def go(self):
        return self.apply("mean")
def strategy(data):
    return A.go(data)
