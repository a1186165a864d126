# rule: MUT001
from typing import cast
import pandas as pd
c = cast(int, pd.Series)
c.index = 1
def strategy(data):
    return data["close"]
