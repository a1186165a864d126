# rule: DUN003
def f(__class__):
    return 1


def strategy(data):
    return data["close"] * 0
