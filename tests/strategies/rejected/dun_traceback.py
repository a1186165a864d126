# rule: DUN001
try:
    1 / 0
except ZeroDivisionError as e:
    t = e.__traceback__


def strategy(data):
    return data["close"] * 0
