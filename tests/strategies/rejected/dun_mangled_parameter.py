# rule: DUN003
def f(__x):
    return 1


def strategy(data):
    return data["close"] * 0
