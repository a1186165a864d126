# rule: DUN003
class A:
    import pandas as __pd


def strategy(data):
    return data["close"] * 0
