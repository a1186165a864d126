# rule: BLT001
def strategy(data):
    x = setattr
    return data["close"] * 0
