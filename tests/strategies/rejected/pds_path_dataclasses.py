# rule: PDS002
import dataclasses
x = dataclasses.builtins


def strategy(data):
    return data["close"] * 0
