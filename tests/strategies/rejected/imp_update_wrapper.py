# rule: IMP003
from functools import update_wrapper


def strategy(data):
    return data["close"] * 0
