# rule: DUN006
x = int.mro()


def strategy(data):
    return data["close"] * 0
