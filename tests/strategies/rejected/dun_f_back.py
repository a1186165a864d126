# rule: DUN005
x = 1
y = x.f_back.f_globals


def strategy(data):
    return data["close"] * 0
