# rule: LNG001
n = 0


def f():
    global n
    n = 1


def strategy(data):
    return data["close"] * 0
