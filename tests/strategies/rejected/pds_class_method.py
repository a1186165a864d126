# rule: PDS001
import numpy as np
import pandas as pd


def strategy(data):
    x = 1
    x = pd.DataFrame.to_csv(data, "x")
    return data["close"]
