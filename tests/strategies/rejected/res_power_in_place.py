# rule: RES002
x = 10
x **= 1000000000
def strategy(data):
    return data["close"]
