# rule: LNG001
async def f(x):
    return [y async for y in x]


def strategy(data):
    return data["close"] * 0
