# rule: BLT003
for exec in [1]:
    pass


def strategy(data):
    return data["close"] * 0
