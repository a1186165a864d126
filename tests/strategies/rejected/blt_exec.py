# rule: BLT001
def strategy(data):
    x = exec
    return data["close"] * 0
