# rule: SRC008
x = f"{ｅval}"


def strategy(data):
    return data["close"] * 0
