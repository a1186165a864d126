# rule: FMT002
n = 1
x = f"{n}{{}}".format(1)


def strategy(data):
    return data["close"] * 0
