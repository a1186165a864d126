# rule: IMP002
from math import *


def strategy(data):
    return data["close"] * 0
