# rule: IMP001
import logging.handlers


def strategy(data):
    return data["close"] * 0
