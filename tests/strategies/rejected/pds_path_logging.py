# rule: PDS002
import logging
x = logging.FileHandler("x")


def strategy(data):
    return data["close"] * 0
