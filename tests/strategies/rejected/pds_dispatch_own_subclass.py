# rule: PDS003
import pandas as pd
class S(pd.Series):
    def agg(self, f): return super().agg(f)
s = S([1])
s.aggregate("to_csv")
def strategy(data):
    return data["close"]
