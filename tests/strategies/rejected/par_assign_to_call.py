# rule: PAR001
print() = 1


def strategy(data):
    return data["close"] * 0
