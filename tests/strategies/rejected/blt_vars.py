# rule: BLT001
def strategy(data):
    x = vars
    return data["close"] * 0
