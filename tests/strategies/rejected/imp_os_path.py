# rule: IMP001
import os.path as p


def strategy(data):
    return data["close"] * 0
