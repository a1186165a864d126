# rule: RES003
x = [1]
x *= 10000000000
def strategy(data):
    return data["close"]
