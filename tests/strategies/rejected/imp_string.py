# rule: IMP001
import string


def strategy(data):
    return data["close"] * 0
