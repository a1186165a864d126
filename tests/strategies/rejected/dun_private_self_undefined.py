# rule: DUN004
class A:
    def f(self):
        return self._mgr


def strategy(data):
    return data["close"] * 0
