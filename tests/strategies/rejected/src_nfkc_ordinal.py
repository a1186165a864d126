# rule: SRC008
import ºs


def strategy(data):
    return data["close"] * 0
