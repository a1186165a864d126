# rule: IMP003
from logging import FileHandler


def strategy(data):
    return data["close"] * 0
