# rule: BLT003
def eval(x):
    return x


def strategy(data):
    return data["close"] * 0
