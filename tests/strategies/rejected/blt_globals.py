# rule: BLT001
def strategy(data):
    x = globals
    return data["close"] * 0
