# rule: DUN005
g = (x for x in [1])
f = g.gi_frame


def strategy(data):
    return data["close"] * 0
