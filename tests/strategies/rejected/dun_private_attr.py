# rule: DUN004
def strategy(data):
    return data._mgr
