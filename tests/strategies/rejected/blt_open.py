# rule: BLT001
def strategy(data):
    x = open
    return data["close"] * 0
