# rule: MUT001
import pandas as pd
x = [pd.Series, pd.DataFrame]
def strategy(data):
    return data["close"]
