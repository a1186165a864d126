# rule: IMP001
import inspect


def strategy(data):
    return data["close"] * 0
