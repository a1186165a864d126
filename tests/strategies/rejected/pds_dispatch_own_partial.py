# rule: PDS003
from functools import partial
def partial(f, *a): return "to_csv"
def strategy(data):
    return data.agg(partial(len))
