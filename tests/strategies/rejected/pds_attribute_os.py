# rule: PDS002
x = (1).os


def strategy(data):
    return data["close"] * 0
