# rule: RES003
import numpy as np
x = np.random.default_rng(0).normal(size=10 ** 11)
def strategy(data):
    return data["close"]
