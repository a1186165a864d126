"""Daemons that outlive the script, known again by PID, start time and boot.

A PID alone may be somebody else's by now; with the start time it cannot be.
"""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

from report import ClusterError
from settings import LOGS, PROCESSES, STATE

BOOT_ID = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int):
    """The process's start in clock ticks since boot, or None if there is no such process (or only its corpse)."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def record_of(name: str):
    """What was written when the daemon was started, or None."""
    try:
        return json.loads((PROCESSES / f"{name}.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def live_pid(name: str):
    """The daemon's PID if it runs and is the one that we started, else None."""
    record = record_of(name)
    if record is None or record["boot"] != BOOT_ID:
        return None
    return record["pid"] if start_time(record["pid"]) == record["start"] else None


def start(name: str, argv: list, environment: dict, fingerprint: str) -> None:
    """Starts a daemon in its own session, with its output in the log folder, and records it."""
    LOGS.mkdir(parents=True, exist_ok=True)
    PROCESSES.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    with contextlib.suppress(FileNotFoundError):
        log.replace(LOGS / f"{name}.log.1")
    with open(log, "ab") as output:
        child = subprocess.Popen(
            [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            cwd="/", env=environment, start_new_session=True, umask=0o022,
        )
    record = {"pid": child.pid, "start": start_time(child.pid), "boot": BOOT_ID, "fingerprint": fingerprint}
    growing = PROCESSES / f"{name}.json.new"
    growing.write_text(json.dumps(record))
    growing.replace(PROCESSES / f"{name}.json")


def is_gone(pid: int, begun: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # only if it is a child of this very script
    return start_time(pid) != begun


def end(pid: int, patience: float) -> None:
    """SIGTERM, and SIGKILL after `patience` seconds. Returns when the process is gone."""
    begun = start_time(pid)
    if begun is None:
        return
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if is_gone(pid, begun):
                return
            time.sleep(0.02)
    raise ClusterError(f"process {pid} survives SIGKILL (it hangs in the kernel)")


def strays(name: str) -> list:
    """Daemons of ours without a record (somebody removed `target`): their command line names our state folder."""
    recorded = live_pid(name)
    return [pid for pid, executable, command in every_process()
            if pid != recorded and pathlib.Path(executable.removesuffix(" (deleted)")).name == name
            and any(f"{STATE}/" in word for word in command)]


def stop(name: str, patience: float = 5.0) -> bool:
    """Stops a daemon by its record, and any without; true if one was running."""
    running = [pid for pid in (live_pid(name), *strays(name)) if pid is not None]
    for pid in running:
        end(pid, patience)
    (PROCESSES / f"{name}.json").unlink(missing_ok=True)
    return bool(running)


def log_tail(name: str, lines: int = 8) -> str:
    """The last lines of a daemon's log, for an error message."""
    try:
        text = (LOGS / f"{name}.log").read_text(errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join("    " + line[:300] for line in text.splitlines()[-lines:])


def every_process():
    """(PID, executable, command line) of all processes that can be read."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                yield int(entry.name), os.readlink(entry / "exe"), command
