# rule: BLT002
x = iter(print, 1)


def strategy(data):
    return data["close"] * 0
