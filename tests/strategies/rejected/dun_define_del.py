# rule: DUN003
class A:
    def __del__(self):
        pass


def strategy(data):
    return data["close"] * 0
