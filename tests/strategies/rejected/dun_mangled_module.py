# rule: DUN002
import pandas as _A__pd


def g():
    __pd = 1
    return __pd


class A:
    def f(self):
        return __pd.io.common.get_handle("/etc/passwd", "r")


def strategy(data):
    return data["close"] * 0
