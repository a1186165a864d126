# rule: BLT001
def strategy(data):
    x = help
    return data["close"] * 0
