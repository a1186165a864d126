# rule: IMP001
import importlib


def strategy(data):
    return data["close"] * 0
