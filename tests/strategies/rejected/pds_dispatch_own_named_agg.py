# rule: PDS003
def NamedAgg(*a): return "to_csv"
def strategy(data):
    return data.agg(x=NamedAgg("close", "mean"))
