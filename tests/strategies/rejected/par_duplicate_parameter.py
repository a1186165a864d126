# rule: PAR002
def f(a, a):
    return a


def strategy(data):
    return data["close"] * 0
