# rule: PDS003
def strategy(data):
    g = data["close"].groupby(level=0).filter
    return g("to_csv")
