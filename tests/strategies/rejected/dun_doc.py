# rule: DUN001
import numpy as np
x = np.mean.__doc__[0]


def strategy(data):
    return data["close"] * 0
