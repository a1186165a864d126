# rule: PDS001
import numpy as np
import pandas as pd


x = pd.HDFStore("x")


def strategy(data):
    return data["close"] * 0
