# rule: IMP001
import os


def strategy(data):
    return data["close"] * 0
