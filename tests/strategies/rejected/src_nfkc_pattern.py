# rule: SRC008
match 1:
    case int(ｒeal=r):
        pass


def strategy(data):
    return data["close"] * 0
