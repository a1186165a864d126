# rule: IMP001
import matplotlib


def strategy(data):
    return data["close"] * 0
