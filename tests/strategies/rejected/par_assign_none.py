# rule: PAR001
None = 1


def strategy(data):
    return data["close"] * 0
