# rule: CON001
def strategy(data):
    return data["close"]


strategy = print
