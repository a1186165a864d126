# symbols: IBM
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pandas as pd


def strategy(data):
    step = Decimal("0.05")
    third = Fraction(1, 3)
    raw = (data["close"].pct_change(20) * 10).clip(0, 1).fillna(0)
    rounded = raw.map(lambda x: float((Decimal(str(x)) / step).quantize(Decimal("1"), rounding=ROUND_HALF_UP) * step))
    return rounded * float(1 - third)
