# rule: PAR001
x = yield 1
def strategy(data):
    return data["close"]
