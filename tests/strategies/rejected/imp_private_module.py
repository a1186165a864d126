# rule: IMP001
import _io


def strategy(data):
    return data["close"] * 0
