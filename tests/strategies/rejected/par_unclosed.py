# rule: PAR001
x = (1, 2


def strategy(data):
    return data["close"] * 0
