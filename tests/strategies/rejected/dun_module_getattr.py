# rule: DUN003
def __getattr__(name):
    return name


def strategy(data):
    return data["close"] * 0
