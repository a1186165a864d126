# rule: IMP001
import asyncio


def strategy(data):
    return data["close"] * 0
