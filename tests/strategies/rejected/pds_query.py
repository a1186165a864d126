# rule: PDS001
import numpy as np
import pandas as pd


def strategy(data):
    x = 1
    x = data.query("@pd.io.common.os.system(1)")
    return data["close"]
