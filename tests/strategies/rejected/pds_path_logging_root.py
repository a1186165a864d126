# rule: PDS002
import logging
x = logging.root


def strategy(data):
    return data["close"] * 0
