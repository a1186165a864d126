# rule: LNG001
async def f(x):
    async for y in x:
        pass


def strategy(data):
    return data["close"] * 0
