# rule: IMP001
import codecs


def strategy(data):
    return data["close"] * 0
