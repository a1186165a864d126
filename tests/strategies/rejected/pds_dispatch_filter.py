# rule: PDS003
def strategy(data):
    return data.groupby("a").filter("to_csv")
