# rule: PDS001
import numpy as np
import pandas as pd


x = pd.read_csv("/etc/passwd")


def strategy(data):
    return data["close"] * 0
