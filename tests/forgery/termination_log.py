# X1: the termination message is written, appended to and cut before the runner writes its own.
def attack():
    return ", ".join([
        tried(os.truncate, LOG, 0),
        tried(overwrite, LOG, os.O_WRONLY | os.O_APPEND),
        tried(overwrite, LOG, os.O_RDWR),
        tried(overwrite, LOG, os.O_WRONLY | os.O_TRUNC),
    ])


def strategy(data):
    print(attack())
    return honest(data)
