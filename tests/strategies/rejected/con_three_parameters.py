# rule: CON001
def strategy(data, params, extra):
    return data["close"]
