# rule: PAR001
def strategy(data):
    return data
return 3
