# rule: MUT001
import pandas as pd
class A:
    def patch(self):
        self.pct_change = 1
A.patch(pd.Series)
def strategy(data):
    return data["close"]
