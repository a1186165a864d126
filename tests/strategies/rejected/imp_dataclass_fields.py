# rule: IMP003
from dataclasses import fields


def strategy(data):
    return data["close"] * 0
