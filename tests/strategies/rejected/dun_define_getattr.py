# rule: DUN003
class A:
    def __getattr__(self, name):
        return name


def strategy(data):
    return data["close"] * 0
