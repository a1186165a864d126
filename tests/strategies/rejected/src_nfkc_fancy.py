# rule: SRC008
𝓮𝓿𝓪𝓵("1")


def strategy(data):
    return data["close"] * 0
