# rule: DUN004
class A:
    _mgr = 1
    def f(self):
        return self._mgr
def strategy(data):
    def g(self): return self._mgr
    return g(data)
