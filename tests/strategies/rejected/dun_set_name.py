# rule: DUN003
class A:
    def __set_name__(self, owner, name):
        self.owner = owner


def strategy(data):
    return data["close"] * 0
