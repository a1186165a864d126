# rule: BLT001
def strategy(data):
    x = eval
    return data["close"] * 0
