# rule: MUT001
import pandas as pd
class A:
    def f(self):
        self = pd.Series
        self.mean = 1
def strategy(data):
    return data["close"]
