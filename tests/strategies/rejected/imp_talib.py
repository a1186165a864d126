# rule: IMP001
import talib


def strategy(data):
    return data["close"] * 0
