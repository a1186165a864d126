# rule: RES005
from itertools import count
x = [i for i in count()]
def strategy(data):
    return data["close"]
