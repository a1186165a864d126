# rule: CON001
"""A strategy without code."""
