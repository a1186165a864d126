# rule: IMP005
from . import helper


def strategy(data):
    return data["close"] * 0
