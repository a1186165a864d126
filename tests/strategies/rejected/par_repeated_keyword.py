# rule: PAR002
print(sep="", sep="")


def strategy(data):
    return data["close"] * 0
