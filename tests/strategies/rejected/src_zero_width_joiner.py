# rule: SRC004
x = "a‍b"


def strategy(data):
    return data["close"] * 0
