# rule: BLT001
if 1 > 2:
    open = 1
f = open("/etc/passwd")


def strategy(data):
    return data["close"] * 0
