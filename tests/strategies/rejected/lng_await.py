# rule: LNG001
async def f():
    await f()


def strategy(data):
    return data["close"] * 0
