# rule: DUN001
match 1:
    case int(__class__=c):
        x = c


def strategy(data):
    return data["close"] * 0
