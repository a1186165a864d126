"""Takes the node away: pods, mounts, network, cgroups, files. Every step can be repeated after a crash."""
import contextlib
import os
import pathlib
import shutil
import signal
import time

import host
import processes
from components import NAMES
from report import ClusterError, say
from settings import (
    AUDIT_LOG,
    CNI_RESULTS,
    CONTAINER_LOG_LINKS,
    DATA,
    KUBELET,
    KUBELET_OWNER,
    LOGS,
    OWNER,
    POD_LOGS,
    RUN,
    STATE,
)

SHIM = "containerd-shim-runc-v2"


def shims() -> list:
    """Shims of our containerd: they carry the path of its socket, in our run folder, on their command line."""
    return [pid for pid, executable, command in processes.every_process()
            if pathlib.Path(executable.removesuffix(" (deleted)")).name == SHIM
            and any(word.startswith(f"{RUN}/") for word in command)]


def kill_pods() -> None:
    """Ends all processes in pods and their shims; they are test pods, so without grace."""
    def rest():
        return host.pod_processes().union(shims())

    count = len(rest())
    until = time.monotonic() + 10
    while left := rest():
        if time.monotonic() > until:
            raise ClusterError(f"processes of pods survive SIGKILL: {sorted(left)}")
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    if count:
        say(f"ended {count} processes of pods")


def mounts_below(*folders: pathlib.Path) -> list:
    """Mount points in these folders, the deepest and latest first."""
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if any(point == str(folder) or point.startswith(f"{folder}/") for folder in folders):
            found.append(point)
    return found[::-1]


def remove_mounts(state: pathlib.Path = STATE) -> None:
    points = mounts_below(RUN, KUBELET, state)
    for point in points:
        host.command("umount", point, check=False)
    for point in mounts_below(RUN, KUBELET, state):
        host.command("umount", "--lazy", point)
    if points:
        say(f"removed {len(points)} mounts")


def remove_log_links() -> None:
    """The kubelet's links to our logs; the folder goes if nothing else is in it."""
    if not CONTAINER_LOG_LINKS.is_dir():
        return
    for link in CONTAINER_LOG_LINKS.iterdir():
        if link.is_symlink() and os.readlink(link).startswith(f"{POD_LOGS}/"):
            link.unlink()
    with contextlib.suppress(OSError):
        CONTAINER_LOG_LINKS.rmdir()


def remove_cni_results() -> None:
    """The CNI library's notes on our pods, at a path that containerd does not let us choose."""
    for note in CNI_RESULTS.glob("stratbox-*"):
        note.unlink()
    for folder in (CNI_RESULTS, CNI_RESULTS.parent):
        with contextlib.suppress(OSError):
            folder.rmdir()


def remove_files(keep_data: bool) -> None:
    """All state but the daemons' logs; with `keep_data` etcd, images and certificates stay for the next `up`."""
    if KUBELET_OWNER.exists():
        shutil.rmtree(KUBELET)
    remove_log_links()
    remove_cni_results()
    keep = {LOGS} | ({DATA, STATE / "pki"} if keep_data else set())
    if STATE.is_dir():
        for entry in STATE.iterdir():
            if entry not in keep:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    if POD_LOGS.is_dir():
        shutil.rmtree(POD_LOGS)
    if not keep_data:
        AUDIT_LOG.unlink(missing_ok=True)
    if RUN.is_dir():
        shutil.rmtree(RUN)


def remove_node() -> None:
    """Everything but files: processes, mounts, cgroups, network. Safe to call when nothing of it is there."""
    early = [name for name in ("kube-proxy", "kubelet") if processes.stop(name)]  # or they make all of it again
    kill_pods()
    stopped = early + [name for name in reversed(NAMES) if processes.stop(name)]
    if stopped:
        say(f"stopped {', '.join(stopped)}")
    remove_mounts()
    host.remove_pod_cgroups()
    host.remove_network()


def remove_remains(state: pathlib.Path) -> None:
    """What is left on the machine of a cluster whose daemons are dead and whose checkout, with `state`, may be gone."""
    say(f"removing what is left of a dead cluster (state in {state})")
    remove_mounts(state)
    remove_node()
    if KUBELET_OWNER.exists():
        shutil.rmtree(KUBELET)
    remove_log_links()
    remove_cni_results()
    OWNER.unlink()


def remove_cluster(keep_data: bool) -> None:
    """The whole of `down`. Without our marks on the machine, its pods and kubelet are somebody else's."""
    if OWNER.exists() or KUBELET_OWNER.exists():
        remove_node()
    remove_files(keep_data)
