# rule: LNG001
try:
    pass
except* ValueError:
    pass


def strategy(data):
    return data["close"] * 0
