# rule: RES003
import numpy as np
x = np.ones((1000000, 1000000))
def strategy(data):
    return data["close"]
