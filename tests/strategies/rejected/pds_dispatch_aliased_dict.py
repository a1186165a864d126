# rule: PDS003
def strategy(data):
    rules = {"close": "mean"}
    other = max(rules, rules)
    return data.agg(rules)
