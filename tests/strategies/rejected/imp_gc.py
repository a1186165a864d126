# rule: IMP001
import gc


def strategy(data):
    return data["close"] * 0
