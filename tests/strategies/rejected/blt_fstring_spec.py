# rule: BLT001
x = f"{1:{eval('5')}}"


def strategy(data):
    return data["close"] * 0
