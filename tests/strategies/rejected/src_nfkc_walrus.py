# rule: SRC008
print((ｗ := 1))


def strategy(data):
    return data["close"] * 0
