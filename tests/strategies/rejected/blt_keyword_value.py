# rule: BLT001
x = sorted([1], key=eval)


def strategy(data):
    return data["close"] * 0
