# rule: PDS003
import numpy as np
import pandas as pd


def strategy(data):
    s = data["close"]
    data.agg({"close": "to_csv"})
    return s
