# rule: SRC008
ｅval("1")


def strategy(data):
    return data["close"] * 0
