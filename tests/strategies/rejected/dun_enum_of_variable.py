# rule: DUN003
import enum
n = ["__del" + "__"]
X = enum.IntEnum("X", n)
def strategy(data):
    return data["close"]
