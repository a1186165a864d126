# rule: MUT001
from dataclasses import dataclass
import pandas as pd
dataclass(pd.Series)
def strategy(data):
    return data["close"]
