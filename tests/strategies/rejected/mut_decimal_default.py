# rule: MUT001
from decimal import DefaultContext

DefaultContext.prec = 3


def strategy(data):
    return data["close"] > 0
