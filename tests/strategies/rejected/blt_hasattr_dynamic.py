# rule: BLT002
n = "a"
x = hasattr(1, n)


def strategy(data):
    return data["close"] * 0
