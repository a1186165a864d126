# rule: IMP001
from pandas.offsets import BDay


def strategy(data):
    return data["close"] * 0
