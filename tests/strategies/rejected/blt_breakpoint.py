# rule: BLT001
def strategy(data):
    x = breakpoint
    return data["close"] * 0
