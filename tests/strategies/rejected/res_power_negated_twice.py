# rule: RES002
x = 10 ** -(-1000000000)
def strategy(data):
    return data["close"]
