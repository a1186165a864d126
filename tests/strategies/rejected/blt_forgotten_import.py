# rule: BLT001
def strategy(data):
    return np.sign(data["close"])
