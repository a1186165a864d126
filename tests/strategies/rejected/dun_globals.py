# rule: DUN001
def f():
    pass


x = f.__globals__


def strategy(data):
    return data["close"] * 0
