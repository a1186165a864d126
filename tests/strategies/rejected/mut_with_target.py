# rule: MUT001
import numpy as np
import pandas as pd


with np.errstate() as pd.Series.mean:
    pass


def strategy(data):
    return data["close"] * 0
