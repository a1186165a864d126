# rule: RES005
while (x := True): pass
def strategy(data):
    return data["close"]
