# rule: BLT001
marker = object()


def strategy(data):
    return data["close"] * 0
