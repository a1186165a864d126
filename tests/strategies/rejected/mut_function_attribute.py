# rule: MUT001
def f():
    pass


f.cache = {}


def strategy(data):
    return data["close"] * 0
