# rule: MUT001
import numpy as np
import pandas as pd


np.mean = max


def strategy(data):
    return data["close"] * 0
