# rule: BLT001
def strategy(data):
    f = eval
    f("1")
    return data["close"] * 0
