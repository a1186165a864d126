# rule: RES005
while 1 == 1: pass
def strategy(data):
    return data["close"]
