# rule: PDS004
import numpy as np
import pandas as pd


def strategy(data):
    data.style
    return data["close"]
