# rule: LNG002
class A(dict, flag=1):
    pass


def strategy(data):
    return data["close"] * 0
