# rule: PDS003
class Model:
    def fit(self, frame):
        self.frame = frame
        return frame

    def transform(self, frame):
        return frame


def strategy(data):
    model = Model()
    close = data["close"]
    return model.fit(close).transform("to_pickle")
