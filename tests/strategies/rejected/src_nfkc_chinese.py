# rule: SRC008
收盤價 = 1


def strategy(data):
    return data["close"] * 0
