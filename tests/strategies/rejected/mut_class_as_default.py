# rule: MUT001
import pandas as pd
def f(c=pd.Series): c.name = 3
def strategy(data):
    return data["close"]
