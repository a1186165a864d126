# rule: IMP001
import yfinance


def strategy(data):
    return data["close"] * 0
