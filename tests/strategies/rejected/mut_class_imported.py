# rule: MUT001
from pandas import Series as S
x = S
def strategy(data):
    return data["close"]
