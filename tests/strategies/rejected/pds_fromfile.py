# rule: PDS001
import numpy as np
import pandas as pd


x = np.fromfile("/etc/passwd")


def strategy(data):
    return data["close"] * 0
