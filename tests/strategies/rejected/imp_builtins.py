# rule: IMP001
import builtins


def strategy(data):
    return data["close"] * 0
