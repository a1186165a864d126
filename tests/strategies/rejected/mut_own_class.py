# rule: MUT001
class A:
    pass


A.name = 1


def strategy(data):
    return data["close"] * 0
