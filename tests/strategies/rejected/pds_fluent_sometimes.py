# rule: PDS003
class Model:
    def fit(self, frame):
        if len(frame) > 3:
            return frame
        return self

    def transform(self, frame):
        return frame

    def both(self, frame, what):
        return self.fit(frame).transform(what)


def strategy(data):
    return Model().both(data["close"], "to_pickle")
