# rule: MUT001
import pandas as pd
class A:
    def f(this, self):
        self.mean = 1
A().f(pd.Series)
def strategy(data):
    return data["close"]
