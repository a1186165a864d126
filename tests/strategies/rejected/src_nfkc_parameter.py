# rule: SRC008
def f(ｏs):
    return ｏs


def strategy(data):
    return data["close"] * 0
