# rule: SRC003
# This is in encoding: cp037


def strategy(data):
    return data["close"] * 0
