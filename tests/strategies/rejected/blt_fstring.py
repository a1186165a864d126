# rule: BLT001
x = f"{eval('1')}"


def strategy(data):
    return data["close"] * 0
