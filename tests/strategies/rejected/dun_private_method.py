# rule: DUN004
def strategy(data):
    x = data["close"]._constructor
    return x
