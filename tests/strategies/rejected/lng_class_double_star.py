# rule: LNG002
class A(**{"metaclass": print}):
    pass


def strategy(data):
    return data["close"] * 0
