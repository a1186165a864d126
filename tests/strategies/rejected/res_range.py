# rule: RES003
for i in range(10 ** 15): pass
def strategy(data):
    return data["close"]
