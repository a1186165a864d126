# rule: SRC004
# 󠁁󠁂


def strategy(data):
    return data["close"] * 0
