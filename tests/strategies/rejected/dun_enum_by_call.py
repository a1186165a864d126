# rule: DUN003
from enum import Enum
X = Enum("X", {"__del__": lambda s: 1})
def strategy(data):
    return data["close"]
