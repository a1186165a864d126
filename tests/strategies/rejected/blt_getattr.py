# rule: BLT001
def strategy(data):
    x = getattr
    return data["close"] * 0
