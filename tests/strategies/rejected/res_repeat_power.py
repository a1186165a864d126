# rule: RES003
x = [0] * (10 ** 9)


def strategy(data):
    return data["close"] * 0
