# rule: RES005
import itertools
x = list(itertools.count())
def strategy(data):
    return data["close"]
