# rule: MUT001
import numpy as np
import pandas as pd


pd.Series.name += "x"


def strategy(data):
    return data["close"] * 0
