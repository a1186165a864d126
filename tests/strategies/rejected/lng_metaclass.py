# rule: LNG002
from abc import ABC


class A(metaclass=print):
    pass


def strategy(data):
    return data["close"] * 0
