# rule: PDS003
import numpy as np
import pandas as pd


def strategy(data):
    return data.groupby(level=0).agg(x=pd.NamedAgg("close", "to_csv"))
