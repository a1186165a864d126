# rule: BLT001
def strategy(data):
    x = __import__("os")
    return data["close"] * 0
