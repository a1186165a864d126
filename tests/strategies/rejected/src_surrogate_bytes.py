# rule: SRC002
x = "í €"


def strategy(data):
    return data["close"] * 0
