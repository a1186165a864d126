# rule: PDS003
def strategy(data):
    names = ["mean"]
    names.append("to_csv")
    return data["close"].agg(names)
