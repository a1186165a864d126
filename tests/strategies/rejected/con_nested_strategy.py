# rule: CON001
def outer():
    def strategy(data):
        return data["close"]
    return strategy
