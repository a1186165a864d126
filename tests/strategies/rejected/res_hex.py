# rule: RES001
x = 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff


def strategy(data):
    return data["close"] * 0
