# rule: PAR001
Here is the strategy you asked for:

import pandas as pd


def strategy(data):
    return data["close"] * 0
