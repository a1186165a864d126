# rule: RES004
x = "%-10000s" % 1


def strategy(data):
    return data["close"] * 0
