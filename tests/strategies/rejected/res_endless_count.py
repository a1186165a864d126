# rule: RES005
import itertools
for i in itertools.count():
    x = i
def strategy(data):
    return data["close"]
