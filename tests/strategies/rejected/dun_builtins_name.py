# rule: DUN002
x = __builtins__


def strategy(data):
    return data["close"] * 0
