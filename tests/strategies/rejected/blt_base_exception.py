# rule: BLT001
try:
    pass
except BaseException:
    pass


def strategy(data):
    return data["close"] * 0
