# rule: SRC003
# coding: raw_unicode_escape
#\u000aimport os


def strategy(data):
    return data["close"] * 0
