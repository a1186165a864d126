# rule: PAR002
x = {"a": 1}
y = f"{x["a"]}"


def strategy(data):
    return data["close"] * 0
