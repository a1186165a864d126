# rule: PAR001
print "hello"


def strategy(data):
    return data["close"] * 0
