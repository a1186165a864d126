# rule: PAR002
x = 1
y = f"{x +
 1}"


def strategy(data):
    return data["close"] * 0
