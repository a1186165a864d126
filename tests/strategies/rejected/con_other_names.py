# rule: CON001
def strategy(prices, settings):
    return prices["close"]
