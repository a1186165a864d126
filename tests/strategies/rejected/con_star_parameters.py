# rule: CON001
def strategy(*args, **kwargs):
    return args[0]["close"]
