# rule: SRC002
x = "café"


def strategy(data):
    return data["close"] * 0
