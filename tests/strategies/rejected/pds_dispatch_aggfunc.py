# rule: PDS003
import numpy as np
import pandas as pd


def strategy(data):
    s = data["close"]
    data.pivot_table(aggfunc="to_pickle")
    return s
