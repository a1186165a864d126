# rule: BLT001
def strategy(data):
    raise SystemExit(0)
