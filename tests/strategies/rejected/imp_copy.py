# rule: IMP001
import copy


def strategy(data):
    return data["close"] * 0
