# rule: SRC008
type Ｘ = int


def strategy(data):
    return data["close"] * 0
