# rule: PDS003
class Model:
    def fit(self, frame):
        return frame

    def transform(self, frame):
        return frame


def strategy(data):
    model = Model().fit(data["close"])
    return model.transform("to_pickle")
