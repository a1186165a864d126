# rule: RES003
x = [[0] * 100000] * 100000
def strategy(data):
    return data["close"]
