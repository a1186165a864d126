# rule: SRC008
x = ().__ｃlass__


def strategy(data):
    return data["close"] * 0
