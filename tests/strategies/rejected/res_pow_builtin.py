# rule: RES002
x = pow(10, 100000)


def strategy(data):
    return data["close"] * 0
