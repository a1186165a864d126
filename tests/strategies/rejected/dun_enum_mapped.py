# rule: DUN003
from enum import Enum
X = list(map(Enum, ["X"], [{"__del__": len}]))
def strategy(data):
    return data["close"]
