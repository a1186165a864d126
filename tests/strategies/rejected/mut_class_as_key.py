# rule: MUT001
import pandas as pd
d = {}
d[pd.Series] = 1
for c in d: c.name = 3
def strategy(data):
    return data["close"]
