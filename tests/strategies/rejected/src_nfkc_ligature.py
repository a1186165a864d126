# rule: SRC008
x = data.ﬁle


def strategy(data):
    return data["close"] * 0
