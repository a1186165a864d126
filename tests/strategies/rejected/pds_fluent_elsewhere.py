# rule: PDS003
class Base:
    def fit(self, frame):
        return self


class Model:
    def __init__(self, base):
        self.base = base

    def transform(self, frame):
        return frame

    def both(self, frame, what):
        return self.fit(frame).transform(what)


def strategy(data):
    return Model(Base()).both(data["close"], "to_pickle")
