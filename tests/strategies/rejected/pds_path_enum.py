# rule: PDS002
import enum
x = enum.bltns


def strategy(data):
    return data["close"] * 0
