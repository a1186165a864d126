# rule: FMT002
x = "{a}".format_map({"a": 1})


def strategy(data):
    return data["close"] * 0
