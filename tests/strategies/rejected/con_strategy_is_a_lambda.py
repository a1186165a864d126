# rule: CON001
strategy = lambda data: data["close"]
