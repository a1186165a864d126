# rule: DUN003
class A:
    def __reduce__(self):
        return print, ("x",)


def strategy(data):
    return data["close"] * 0
