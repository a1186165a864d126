# rule: SRC003
# -*- coding: utf-7 -*-
x = 1 #+AAo-import os


def strategy(data):
    return data["close"] * 0
