# rule: CON001
@lambda f: f
def strategy(data): return data
