# rule: IMP001
def strategy(data):
    import os
    return os.environ
