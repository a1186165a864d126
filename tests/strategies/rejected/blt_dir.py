# rule: BLT001
def strategy(data):
    x = dir
    return data["close"] * 0
