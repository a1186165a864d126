# rule: BLT001
@eval
def f():
    pass


def strategy(data):
    return data["close"] * 0
