# rule: PDS002
import logging
logging.basicConfig(filename="/tmp/x")


def strategy(data):
    return data["close"] * 0
