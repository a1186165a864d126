# rule: PAR001
class = 1


def strategy(data):
    return data["close"] * 0
