# rule: IMP003
from typing import get_type_hints


def strategy(data):
    return data["close"] * 0
