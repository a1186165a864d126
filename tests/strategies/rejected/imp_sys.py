# rule: IMP001
import sys


def strategy(data):
    return data["close"] * 0
