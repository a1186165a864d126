# rule: IMP001
import time


def strategy(data):
    return data["close"] * 0
