# rule: DUN003
x = dict(__class__=1)


def strategy(data):
    return data["close"] * 0
