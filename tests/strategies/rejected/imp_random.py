# rule: IMP001
import random


def strategy(data):
    return data["close"] * 0
