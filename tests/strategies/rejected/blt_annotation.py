# rule: BLT001
def f(x: eval("int")):
    return x


def strategy(data):
    return data["close"] * 0
