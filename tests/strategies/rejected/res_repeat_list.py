# rule: RES003
x = [0] * 100000000


def strategy(data):
    return data["close"] * 0
