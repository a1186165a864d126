# rule: RES003
import pandas as pd
x = pd.date_range("2000-01-01", periods=10 ** 12)
def strategy(data):
    return data["close"]
