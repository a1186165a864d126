# rule: IMP001
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import sys


def strategy(data):
    return data["close"] * 0
