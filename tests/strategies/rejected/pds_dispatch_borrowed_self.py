# rule: PDS003
from collections import namedtuple
class A:
    def score(self, s): return s
def g(self, data):
    return data.agg(self.score)
R = namedtuple("R", "score")
def strategy(data):
    return g(R("to_csv"), data)
