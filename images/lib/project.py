"""Where things are, and the few habits that every part shares: failing, telling, hashing, writing in one piece."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

IMAGES = Path(__file__).resolve().parent.parent
ROOT = IMAGES.parent
LOCK = IMAGES / "lock.json"

#: The only platform built: the wheels and packages of the lock are for it.
ARCHITECTURE = "amd64"
#: Rust's name for the same platform.
TARGET = "x86_64-unknown-linux-gnu"


class BuildError(Exception):
    """Something a person has to mend; the message says what and how. Shown without a traceback."""


def version() -> str:
    """The package version of Cargo.toml: it is the tag of every image."""
    with (ROOT / "Cargo.toml").open("rb") as file:
        return tomllib.load(file)["package"]["version"]


def image_name(short: str) -> str:
    """The fully qualified name, as containerd and Kubernetes both want it."""
    return f"localhost/stratbox/{short}:{version()}"


def cache_dir(*parts: str) -> Path:
    """A folder of the cache, which lies outside the checkout and outlives it."""
    base = os.environ.get("STRATBOX_CACHE")
    if not base:
        home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        base = os.path.join(home, "stratbox")
    path = Path(base, "images", *parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def say(message: str) -> None:
    """Progress goes to stderr: stdout is for the result alone."""
    print(f"images: {message}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Says what is being done and, afterwards, how long it took."""
    say(f"{what} …")
    start = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - start:.1f} s")


def sha256_of(path: Path) -> str:
    """The file's sha256 as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to that becomes `path` in one step, and only if nothing was raised."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for intermediate files, removed at the end whatever happens."""
    path = Path(tempfile.mkdtemp(prefix="stratbox-images-"))
    path.chmod(0o755)  # mkdtemp's 0700 would keep a process of UID 1000 out of a root file system in it
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; a failure shows the end of what it said."""
    try:
        done = subprocess.run(command, text=True, capture_output=True, check=False, **options)
    except OSError as error:
        raise BuildError(f"failed to start {command[0]}: {error}") from error
    if done.returncode != 0:
        told = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise BuildError(f"{' '.join(command[:4])} … ended with {done.returncode}:\n{told}")
    return done


def as_root(command: list[str]) -> list[str]:
    """The same command where chroot is allowed: as root, or as root of a user namespace of our own."""
    return command if os.geteuid() == 0 else ["unshare", "--map-root-user", "--", *command]


def main(body) -> None:
    """Runs a script's body; errors meant for people end it with one sentence and exit code 1."""
    try:
        body()
    except BuildError as error:
        print(f"images: error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
