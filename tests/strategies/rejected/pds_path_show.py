# rule: PDS002
import numpy as np
import pandas as pd


x = pd.show_versions()


def strategy(data):
    return data["close"] * 0
