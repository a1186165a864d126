# rule: BLT002
print("x", file=open)
def strategy(data):
    return data["close"]
