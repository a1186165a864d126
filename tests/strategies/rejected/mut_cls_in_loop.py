# rule: MUT001
import pandas as pd
for cls in [pd.Series]:
    cls.mean = len
def strategy(data):
    return data["close"]
