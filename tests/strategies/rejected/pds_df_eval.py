# rule: PDS001
import numpy as np
import pandas as pd


def strategy(data):
    x = 1
    x = data.eval("a = 1")
    return data["close"]
