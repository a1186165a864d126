# rule: BLT002
make = type


def strategy(data):
    return data["close"] * 0
