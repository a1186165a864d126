# rule: RES002
x = 1 << 40
y = 2 << 10000


def strategy(data):
    return data["close"] * 0
