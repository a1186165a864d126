# rule: RES005
while not False: pass
def strategy(data):
    return data["close"]
