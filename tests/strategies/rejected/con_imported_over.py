# rule: CON001
def strategy(data):
    return data["close"]


from math import sqrt as strategy
