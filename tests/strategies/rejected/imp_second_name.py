# rule: IMP001
import math, os


def strategy(data):
    return data["close"] * 0
