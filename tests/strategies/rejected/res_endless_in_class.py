# rule: RES005
class A:
    while True: pass
def strategy(data):
    return data["close"]
