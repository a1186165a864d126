# rule: MUT001
from functools import partial
import pandas as pd
c = partial(pd.Series).func
c.index = 1
def strategy(data):
    return data["close"]
