# rule: DUN001
x = ().__class__.__base__.__subclasses__()


def strategy(data):
    return data["close"] * 0
