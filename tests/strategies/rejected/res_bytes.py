# rule: RES003
x = bytes(10 ** 10)
def strategy(data):
    return data["close"]
