# rule: MUT001
import pandas as pd
def f(): return pd.Series
def strategy(data):
    return data["close"]
