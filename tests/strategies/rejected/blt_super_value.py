# rule: BLT002
s = super


def strategy(data):
    return data["close"] * 0
