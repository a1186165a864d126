# rule: MUT001
from functools import total_ordering
import pandas as pd
total_ordering(pd.Series)
def strategy(data):
    return data["close"]
