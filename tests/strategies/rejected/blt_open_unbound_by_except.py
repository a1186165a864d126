# rule: BLT001
open = 1
try:
    1 / 0
except ZeroDivisionError as open:
    pass
f = open("/etc/passwd")


def strategy(data):
    return data["close"] * 0
