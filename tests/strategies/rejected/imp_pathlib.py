# rule: IMP001
import pathlib


def strategy(data):
    return data["close"] * 0
