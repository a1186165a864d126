# rule: FMT002
match "a":
    case str(format=f):
        x = f("b")


def strategy(data):
    return data["close"] * 0
