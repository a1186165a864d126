# rule: MUT001
import pandas as pd
class A:
    def f(self):
        def g(self):
            self.mean = 1
        g(pd.Series)
def strategy(data):
    return data["close"]
