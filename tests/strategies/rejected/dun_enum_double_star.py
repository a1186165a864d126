# rule: DUN003
from enum import Enum
X = Enum("X", **{"names": {"__del__": len}})
def strategy(data):
    return data["close"]
