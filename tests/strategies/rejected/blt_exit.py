# rule: BLT001
def strategy(data):
    x = exit
    return data["close"] * 0
