# rule: FMT002
x = str.format("{0.real}", 1)


def strategy(data):
    return data["close"] * 0
