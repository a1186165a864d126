# rule: DUN003
from enum import Enum as E
class B(E):
    pass
class C(B):
    pass
X = C("X", {"__del__": len})
def strategy(data):
    return data["close"]
