# rule: DUN003
from enum import Enum
Side = Enum("Side", start="A", names={"__del__": lambda member: 1})
def strategy(data):
    return data["close"]
