# rule: RES002
import math
x = math.factorial(10 ** 9)
def strategy(data):
    return data["close"]
