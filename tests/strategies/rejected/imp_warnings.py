# rule: IMP001
import warnings


def strategy(data):
    return data["close"] * 0
