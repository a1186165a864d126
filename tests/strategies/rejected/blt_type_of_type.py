# rule: BLT002
meta = type(type(1))


def strategy(data):
    return data["close"] * 0
