# rule: CON001
from functools import partial
@partial(print, 1)
def strategy(data): return data
