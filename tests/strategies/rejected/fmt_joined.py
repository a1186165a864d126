# rule: FMT002
x = "".join(["{0.", "real}"]).format(1)


def strategy(data):
    return data["close"] * 0
