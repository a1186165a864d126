# rule: LNG003
try:
    pass
except ValueError, TypeError:
    pass


def strategy(data):
    return data["close"] * 0
