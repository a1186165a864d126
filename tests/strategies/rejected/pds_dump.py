# rule: PDS001
import numpy as np
import pandas as pd


def strategy(data):
    x = 1
    x = data["close"].to_numpy().dump("x")
    return data["close"]
