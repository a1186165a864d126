# rule: RES003
x = "a".center(10 ** 9)
def strategy(data):
    return data["close"]
