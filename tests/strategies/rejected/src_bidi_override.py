# rule: SRC004
x = "admin‮"  # ⁦ check


def strategy(data):
    return data["close"] * 0
