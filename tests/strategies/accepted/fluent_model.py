# symbols: AAPL,MSFT
import decimal
from decimal import Decimal, getcontext, localcontext

getcontext().prec = 28
decimal.getcontext().rounding = decimal.ROUND_HALF_EVEN


class Scaler:
    def __init__(self, window):
        self.window = window
        self.mean = None

    def fit(self, prices):
        if self.window < 2:
            self.mean = prices
            return self
        self.mean = prices.rolling(self.window).mean()
        return self

    def transform(self, prices):
        return prices / self.mean - 1

    def fit_transform(self, prices):
        return self.fit(prices).transform(prices)


def threshold():
    with localcontext() as context:
        context.prec = 6
        return float(Decimal(1) / Decimal(300))


def strategy(data):
    close = data["close"]
    slow = Scaler(50).fit(close).transform(close)
    fast = Scaler(10).fit_transform(close)
    middle = Scaler(20).fit(close)
    return ((fast - slow) > threshold()) & (middle.transform(close) > 0)
