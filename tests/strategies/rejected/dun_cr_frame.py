# rule: DUN005
x = (1).cr_frame


def strategy(data):
    return data["close"] * 0
