# rule: SRC004
total​ = 1


def strategy(data):
    return data["close"] * 0
