# rule: RES002
x = 10 ** int("999999999")
def strategy(data):
    return data["close"]
