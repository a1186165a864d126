# rule: SRC002
x = "æ”"


def strategy(data):
    return data["close"] * 0
