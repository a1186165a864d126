# rule: MUT001
import numpy as np
import pandas as pd


del pd.DataFrame.rolling


def strategy(data):
    return data["close"] * 0
