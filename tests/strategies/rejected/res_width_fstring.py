# rule: RES004
x = f"{1:99999}"


def strategy(data):
    return data["close"] * 0
