# rule: MUT001
import pandas as pd
c = (pd.Series,)[0]
def strategy(data):
    return data["close"]
