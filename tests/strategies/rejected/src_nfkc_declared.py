# rule: SRC008
def f():
    global ｙ
    ｙ = 1


def strategy(data):
    return data["close"] * 0
