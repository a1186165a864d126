# rule: IMP001
from numpy.core import multiarray


def strategy(data):
    return data["close"] * 0
