# rule: BLT001
def strategy(data):
    x = memoryview
    return data["close"] * 0
