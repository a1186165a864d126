# rule: SRC008
match 1:
    case ｘ:
        pass


def strategy(data):
    return data["close"] * 0
