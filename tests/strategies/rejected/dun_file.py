# rule: DUN002
x = __file__


def strategy(data):
    return data["close"] * 0
