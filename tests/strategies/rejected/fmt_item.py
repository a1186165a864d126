# rule: FMT001
x = "{0[a]}".format({"a": 1})


def strategy(data):
    return data["close"] * 0
