# rule: CON002
async def strategy(data):
    return data["close"]
