# rule: PAR001
💰 = 1


def strategy(data):
    return data["close"] * 0
