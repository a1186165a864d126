# rule: PDS004
import numpy as np
import pandas as pd


def strategy(data):
    pd.set_option("plotting.backend", "os")
    return data["close"]
