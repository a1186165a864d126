# rule: SRC005
# nothing to seeimport os


def strategy(data):
    return data["close"] * 0
