# rule: ANN001
def f(x: "().__class__"):
    return x


def strategy(data):
    return data["close"] * 0
