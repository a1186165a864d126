# rule: IMP001
import operator


def strategy(data):
    return data["close"] * 0
