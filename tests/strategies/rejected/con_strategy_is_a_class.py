# rule: CON001
class strategy:
    pass
