# rule: PDS003
def strategy(data):
    match data["close"]:
        case object_like if False:
            pass
    match data["close"]:
        case int(agg=f):
            f("to_csv")
    return data["close"]
