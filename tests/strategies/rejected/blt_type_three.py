# rule: BLT002
A = type("A", (), {})


def strategy(data):
    return data["close"] * 0
