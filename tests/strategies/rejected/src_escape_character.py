# rule: SRC004
# [2K looks empty


def strategy(data):
    return data["close"] * 0
