# rule: DUN004
match 1:
    case int(_mgr=m):
        pass


def strategy(data):
    return data["close"] * 0
