# rule: BLT001
with open("x") as f:
    pass


def strategy(data):
    return data["close"] * 0
