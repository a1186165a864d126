# rule: MUT001
import dataclasses
import pandas as pd
list(map(dataclasses.dataclass, [pd.Series]))
def strategy(data):
    return data["close"]
