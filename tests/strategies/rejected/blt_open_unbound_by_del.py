# rule: BLT001
open = 1
del open
f = open("/etc/passwd")


def strategy(data):
    return data["close"] * 0
