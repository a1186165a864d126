# rule: DUN001
x = "".__getattribute__("upper")


def strategy(data):
    return data["close"] * 0
