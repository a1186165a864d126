# rule: IMP001
import scipy


def strategy(data):
    return data["close"] * 0
