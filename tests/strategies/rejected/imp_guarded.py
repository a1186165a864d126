# rule: IMP001
try:
    import os
except ImportError:
    pass


def strategy(data):
    return data["close"] * 0
