# rule: IMP003
from numpy.lib.stride_tricks import as_strided


def strategy(data):
    return data["close"] * 0
