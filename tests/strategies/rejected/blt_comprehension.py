# rule: BLT001
x = [eval(s) for s in ["1"]]


def strategy(data):
    return data["close"] * 0
