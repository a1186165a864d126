# rule: IMP001
match 1:
    case 1:
        import os


def strategy(data):
    return data["close"] * 0
