# rule: SRC008
def f[Ｔ](x):
    return x


def strategy(data):
    return data["close"] * 0
