# rule: CON001
def strategy(data):
    return data["close"]


for strategy in [1]:
    pass
