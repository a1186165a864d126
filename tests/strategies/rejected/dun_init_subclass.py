# rule: DUN003
class A:
    def __init_subclass__(cls):
        pass


def strategy(data):
    return data["close"] * 0
