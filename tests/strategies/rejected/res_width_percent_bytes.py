# rule: RES004
x = b"%1000000000d" % 1
def strategy(data):
    return data["close"]
