# rule: CON001
def run():
    position = 1
    return position
