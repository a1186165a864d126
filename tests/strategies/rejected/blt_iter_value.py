# rule: BLT002
x = map(iter, [[1]])


def strategy(data):
    return data["close"] * 0
