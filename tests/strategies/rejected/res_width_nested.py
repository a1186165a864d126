# rule: RES004
x = f"{1:>{1000000000}}"
def strategy(data):
    return data["close"]
