# rule: IMP001
import numpy.testing


def strategy(data):
    return data["close"] * 0
