# rule: BLT002
x = type("A", (), {})
type = 1


def strategy(data):
    return data["close"] * 0
