# rule: BLT003
super = print


def strategy(data):
    return data["close"] * 0
