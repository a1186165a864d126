# rule: FMT001
x = "{row.close:.2f}".format(row=1)


def strategy(data):
    return data["close"] * 0
