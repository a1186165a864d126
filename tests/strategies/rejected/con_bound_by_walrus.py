# rule: CON001
def strategy(data):
    return data["close"]


print([(strategy := x) for x in [1]])
