# rule: MUT001
import pandas as pd
match pd.Series:
    case c: c.name = 3
def strategy(data):
    return data["close"]
