# rule: DUN002
x = __build_class__


def strategy(data):
    return data["close"] * 0
