# rule: PDS002
from numpy import ndarray
x = ndarray((1,), dtype=object, buffer=b"12345678")


def strategy(data):
    return data["close"] * 0
