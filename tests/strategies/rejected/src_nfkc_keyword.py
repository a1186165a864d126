# rule: SRC008
print(ｅngine=1)


def strategy(data):
    return data["close"] * 0
