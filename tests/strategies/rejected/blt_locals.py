# rule: BLT001
def strategy(data):
    x = locals
    return data["close"] * 0
