# rule: BLT001
x = undefined_thing(1)


def strategy(data):
    return data["close"] * 0
