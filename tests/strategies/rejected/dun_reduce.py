# rule: DUN001
x = [].__reduce_ex__(2)


def strategy(data):
    return data["close"] * 0
