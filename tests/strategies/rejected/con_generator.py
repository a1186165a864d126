# rule: CON002
def strategy(data):
    yield data["close"]
