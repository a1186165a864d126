# rule: RES004
x = "%(a)1000000000d" % {"a": 1}
def strategy(data):
    return data["close"]
