# rule: RES004
x = format(1, "9999d")


def strategy(data):
    return data["close"] * 0
