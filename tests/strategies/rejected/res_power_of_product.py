# rule: RES002
x = 10 ** (1000 * 1000 * 1000)
def strategy(data):
    return data["close"]
