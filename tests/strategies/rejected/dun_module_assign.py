# rule: DUN003
__builtins__ = {}


def strategy(data):
    return data["close"] * 0
