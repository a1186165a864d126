# rule: RES004
x = "{:>100000}".format(1)


def strategy(data):
    return data["close"] * 0
