# rule: CON001
def evil(data): return data
def d(f): return evil
@d
def strategy(data): return data
