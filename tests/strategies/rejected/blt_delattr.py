# rule: BLT001
def strategy(data):
    x = delattr
    return data["close"] * 0
