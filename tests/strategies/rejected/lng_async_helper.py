# rule: LNG001
async def f():
    pass


def strategy(data):
    return data["close"] * 0
