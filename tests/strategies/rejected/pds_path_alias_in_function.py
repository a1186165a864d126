# rule: PDS002
def f():
    import numpy as q
    return q.testing


def strategy(data):
    return data["close"] * 0
