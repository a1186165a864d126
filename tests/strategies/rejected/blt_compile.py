# rule: BLT001
def strategy(data):
    x = compile
    return data["close"] * 0
