# rule: FMT001
x = "{0.__class__}".format(1)


def strategy(data):
    return data["close"] * 0
