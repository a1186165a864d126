# rule: IMP001
import tempfile


def strategy(data):
    return data["close"] * 0
