# rule: CON001
if 1 > 0:
    def strategy(data):
        return data["close"]
