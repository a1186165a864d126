# rule: PAR001
def strategy(data):
    break
    return data
