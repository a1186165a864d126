# rule: PDS003
import numpy as np
import pandas as pd


def strategy(data):
    s = data["close"]
    m = "to" + "_csv"
    s.agg(m)
    return s
