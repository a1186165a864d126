# rule: BLT001
f = open
open = 1


def strategy(data):
    return data["close"] * 0
