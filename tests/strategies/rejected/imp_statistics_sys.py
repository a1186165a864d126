# rule: IMP003
from statistics import sys


def strategy(data):
    return data["close"] * 0
