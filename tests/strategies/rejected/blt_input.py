# rule: BLT001
def strategy(data):
    x = input
    return data["close"] * 0
