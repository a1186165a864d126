# rule: SRC006
x = f"{1:{2:{2:{2:{2:{2:{2:{2:{2:{2:}}}}}}}}}}"


def strategy(data):
    return data["close"] * 0
