# rule: MUT001
import pandas as pd
self = pd.Series
self.pct_change = len
def strategy(data):
    return data["close"]
