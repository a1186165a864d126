# rule: PDS002
from functools import wraps
import numpy as np


class A:
    pass


h = wraps(A)(A())


def strategy(data):
    return data["close"] * 0
