# rule: PDS003
import numpy as np
import pandas as pd


def strategy(data):
    s = data["close"]
    data.groupby(level=0).agg(x=("close", "to_csv"))
    return s
