# rule: PDS003
import numpy as np
import pandas as pd


def strategy(data):
    s = data["close"]
    data.pivot_table("close", "a", "b", "to_csv")
    return s
