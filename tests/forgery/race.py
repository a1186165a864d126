# X2: somebody stays behind and writes after the runner has written.
import threading


def linger():
    time.sleep(2)
    try:
        overwrite()
    except OSError:
        pass


def leave_somebody():
    if os.fork() == 0:
        os.setsid()
        linger()
        os._exit(0)


def attack():
    thread = threading.Thread(target=linger, daemon=True)
    return ", ".join([tried(leave_somebody), tried(thread.start)])


def strategy(data):
    print(attack())
    return honest(data)
