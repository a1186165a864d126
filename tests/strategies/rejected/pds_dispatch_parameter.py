# rule: PDS003
import numpy as np
import pandas as pd


def strategy(data):
    s = data["close"]
    (lambda m: s.agg(m))("to_csv")
    return s
