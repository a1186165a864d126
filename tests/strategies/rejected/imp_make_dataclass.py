# rule: IMP003
from dataclasses import make_dataclass


def strategy(data):
    return data["close"] * 0
