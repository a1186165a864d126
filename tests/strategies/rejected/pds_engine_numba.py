# rule: PDS003
def strategy(data):
    return data["close"].rolling(5).mean(engine="numba")
