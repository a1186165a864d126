# rule: BLT001
def f():
    return open("/etc/passwd")


x = f()
open = 1


def strategy(data):
    return data["close"] * 0
