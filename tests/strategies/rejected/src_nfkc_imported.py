# rule: SRC008
import ｏｓ


def strategy(data):
    return data["close"] * 0
