# rule: DUN003
match 1:
    case __spec__:
        pass


def strategy(data):
    return data["close"] * 0
