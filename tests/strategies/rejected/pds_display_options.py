# rule: PDS004
import numpy as np
import pandas as pd


def strategy(data):
    pd.options.plotting
    return data["close"]
