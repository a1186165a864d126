# rule: IMP001
import ctypes


def strategy(data):
    return data["close"] * 0
