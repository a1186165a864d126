# rule: PDS003
def strategy(data):
    f = "to_" + "csv"
    return data["close"].groupby(level=0).filter(f)
