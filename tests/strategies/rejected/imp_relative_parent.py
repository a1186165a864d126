# rule: IMP005
from ..pkg import x


def strategy(data):
    return data["close"] * 0
