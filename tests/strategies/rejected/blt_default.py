# rule: BLT001
def strategy(data):
    g = lambda f=exec: f("x = 1")
    return data["close"] * 0
