# rule: LNG003
z = [[1]]
x = [*y for y in z]


def strategy(data):
    return data["close"] * 0
