# rule: PDS002
import typing
x = typing.sys


def strategy(data):
    return data["close"] * 0
