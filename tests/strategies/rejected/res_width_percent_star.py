# rule: RES004
x = "%0*d" % (1000000000, 1)
def strategy(data):
    return data["close"]
