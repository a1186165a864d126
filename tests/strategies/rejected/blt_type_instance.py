# rule: BLT002
x = type([])((1, 2))


def strategy(data):
    return data["close"] * 0
