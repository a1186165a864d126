# rule: DUN001
class A:
    def __init__(self):
        pass


x = A.__init__.__globals__


def strategy(data):
    return data["close"] * 0
