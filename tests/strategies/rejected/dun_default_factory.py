# rule: DUN006
from collections import defaultdict
import pandas as pd
c = defaultdict(pd.Series).default_factory
c.index = 1
def strategy(data):
    return data["close"]
