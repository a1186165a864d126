# rule: DUN002
x = __spec__.loader


def strategy(data):
    return data["close"] * 0
