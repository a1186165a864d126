# rule: FMT001
x = ("{0." "gi_frame}").format(1)


def strategy(data):
    return data["close"] * 0
