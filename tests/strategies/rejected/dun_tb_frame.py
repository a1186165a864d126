# rule: DUN005
try:
    1 / 0
except ZeroDivisionError as e:
    x = e.tb_frame


def strategy(data):
    return data["close"] * 0
