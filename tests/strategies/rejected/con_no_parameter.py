# rule: CON001
def strategy():
    return 1
