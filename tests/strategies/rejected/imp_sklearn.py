# rule: IMP001
import sklearn


def strategy(data):
    return data["close"] * 0
