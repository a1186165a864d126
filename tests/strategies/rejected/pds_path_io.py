# rule: PDS002
import numpy as np
import pandas as pd


x = pd.io.common.os


def strategy(data):
    return data["close"] * 0
