# rule: SRC008
try:
    pass
except ValueError as ｅ:
    pass


def strategy(data):
    return data["close"] * 0
