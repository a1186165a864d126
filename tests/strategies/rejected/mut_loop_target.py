# rule: MUT001
import numpy as np
import pandas as pd


for np.pi in [3]:
    pass


def strategy(data):
    return data["close"] * 0
