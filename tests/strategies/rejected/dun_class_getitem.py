# rule: DUN003
class A:
    def __class_getitem__(cls, k):
        return k


def strategy(data):
    return data["close"] * 0
