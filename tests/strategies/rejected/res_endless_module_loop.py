# rule: RES005
while True:
    pass


def strategy(data):
    return data["close"] * 0
