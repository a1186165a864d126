# rule: DUN006
import numpy as np
x = np.zeros(3).ctypes.data


def strategy(data):
    return data["close"] * 0
