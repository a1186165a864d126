# rule: PDS001
import numpy as np
import pandas as pd


def strategy(data):
    x = 1
    f = data.to_json
    return data["close"]
