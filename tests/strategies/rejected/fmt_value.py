# rule: FMT002
f = "{}".format


def strategy(data):
    return data["close"] * 0
