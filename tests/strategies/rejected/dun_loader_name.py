# rule: DUN002
x = __loader__


def strategy(data):
    return data["close"] * 0
