# rule: PAR001
if True:
x = 1


def strategy(data):
    return data["close"] * 0
