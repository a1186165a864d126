# rule: IMP002
from numpy import *


def strategy(data):
    return data["close"] * 0
