# rule: IMP001
import marshal


def strategy(data):
    return data["close"] * 0
