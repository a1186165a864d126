# rule: PAR001
x = "abc


def strategy(data):
    return data["close"] * 0
