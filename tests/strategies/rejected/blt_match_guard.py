# rule: BLT001
match 1:
    case x if eval("1"):
        pass


def strategy(data):
    return data["close"] * 0
