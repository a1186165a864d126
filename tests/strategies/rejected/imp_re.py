# rule: IMP001
import re


def strategy(data):
    return data["close"] * 0
