# rule: BLT001
def strategy(data):
    f = [eval, print][0]
    return data["close"] * 0
