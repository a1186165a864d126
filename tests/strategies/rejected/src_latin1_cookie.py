# rule: SRC003
#coding=latin-1
x = 1


def strategy(data):
    return data["close"] * 0
