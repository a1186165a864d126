# rule: IMP001
import types


def strategy(data):
    return data["close"] * 0
