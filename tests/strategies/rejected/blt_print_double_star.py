# rule: BLT002
print("x", **{"file": 1})
def strategy(data):
    return data["close"]
