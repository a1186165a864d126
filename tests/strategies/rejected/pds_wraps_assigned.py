# rule: PDS002
from functools import wraps


def f():
    pass


@wraps(f, assigned=("__globals__",))
def g():
    pass


def strategy(data):
    return data["close"] * 0
