# rule: CON001
def strategy(data):
    return data["close"]


def strategy(data):
    return data["open"]
