# rule: RES002
x = 9 ** 9 ** 9


def strategy(data):
    return data["close"] * 0
