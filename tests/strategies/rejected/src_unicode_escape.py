# rule: SRC003
# vim: set fileencoding=unicode_escape :
#\nimport os


def strategy(data):
    return data["close"] * 0
