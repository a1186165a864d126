# rule: RES003
x = 10000000 * "a"


def strategy(data):
    return data["close"] * 0
