# rule: CON001

