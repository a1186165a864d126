"""One cluster a machine: who has it, and a lock while a script changes it."""
import contextlib
import fcntl
import os
import pathlib

import host
import processes
from report import ClusterError, say
from settings import KUBELET, KUBELET_OWNER, LOCK, OWNER, RUN, STATE


@contextlib.contextmanager
def locked():
    """Held by `up`, `down` and `load`: two at once would undo each other's work."""
    if os.geteuid() != 0:
        raise ClusterError("the test cluster needs root (mounts, network namespaces, cgroups)")
    lock = take_lock()
    try:
        yield
    finally:
        if owner() is None:
            LOCK.unlink(missing_ok=True)  # `down` leaves nothing; a waiting script sees this in take_lock
        lock.close()


def take_lock():
    """The open lock file; closing it releases the lock."""
    while True:
        lock = open(LOCK, "a", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another cluster script is at work; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if LOCK.exists() and os.path.samestat(LOCK.stat(), os.fstat(lock.fileno())):
            return lock
        lock.close()  # it was removed while we waited


def owner():
    """The state folder that the running cluster, or its remains, belongs to; None if there is none."""
    try:
        return pathlib.Path(OWNER.read_text().strip())
    except FileNotFoundError:
        return None


def daemons_of(state: pathlib.Path) -> list:
    """PIDs of the daemons of the cluster with that state folder: each has a file of it on its command line."""
    return [pid for pid, _, command in processes.every_process()
            if pid != os.getpid() and any(f"{state}/" in word for word in command)]


def remains():
    """The state folder of another checkout's cluster of which no daemon lives, or None."""
    present = owner()
    return None if present in (None, STATE) or daemons_of(present) else present


def claim() -> None:
    """Makes this checkout the owner, or says who is."""
    present = owner()
    if present not in (None, STATE):
        raise ClusterError(f"a test cluster of another checkout is here (state in {present}); "
                           "run that checkout's tests/cluster/down first")
    if KUBELET.is_dir() and any(KUBELET.iterdir()) and not KUBELET_OWNER.exists():
        raise ClusterError(f"{KUBELET} is in use by a kubelet that is not ours")
    if present is None and host.pod_processes():
        raise ClusterError("pods of a kubelet that is not ours run on this machine")
    RUN.mkdir(mode=0o711, exist_ok=True)
    OWNER.write_text(f"{STATE}\n")
    KUBELET.mkdir(mode=0o755, parents=True, exist_ok=True)
    KUBELET_OWNER.write_text("made by tests/cluster/up, removed by tests/cluster/down\n")


def is_ours() -> bool:
    """Whether there is a cluster here, and this checkout's."""
    return owner() == STATE
