# rule: DUN006
def strategy(data):
    raise ValueError("x").with_traceback(None)
