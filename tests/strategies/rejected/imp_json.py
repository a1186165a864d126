# rule: IMP001
import json


def strategy(data):
    return data["close"] * 0
