# rule: DUN005
x = (1).co_consts


def strategy(data):
    return data["close"] * 0
