"""What the build needs on the machine, and how it gets what is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable

from .project import BuildError, run, say, timed

#: By its path: /usr/sbin is not among the folders that an ordinary user's shell searches.
CHROOT = "/usr/sbin/chroot"

#: The keys that sign Debian's archive, as every Debian machine has them.
DEBIAN_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"

#: need → (is it there?, the Debian packages that bring it)
NEEDS: dict[str, tuple[Callable[[], bool], list[str]]] = {
    "dpkg-deb": (lambda: shutil.which("dpkg-deb") is not None, ["dpkg"]),
    "apt": (lambda: shutil.which("apt-get") is not None, ["apt"]),
    "pip": (lambda: _pip() is not None, ["python3-pip"]),
    "chroot": (lambda: os.path.exists(CHROOT), ["coreutils"]),
    "unshare": (lambda: shutil.which("unshare") is not None, ["util-linux"]),
    "keys": (lambda: os.path.exists(DEBIAN_KEYS), ["debian-archive-keyring"]),
    # The C compiler links; libc.a, of libc6-dev, is what a static binary is made with.
    "cc": (lambda: shutil.which("cc") is not None and _has_static_libc(), ["gcc", "libc6-dev"]),
}


def _pip() -> list[str] | None:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    # A distribution's pip may belong to another interpreter than the one that runs this script.
    program = shutil.which("pip3") or shutil.which("pip")
    return [program] if program else None


def pip() -> list[str]:
    """How to call pip on this machine."""
    need("pip")
    command = _pip()
    if command is None:
        raise BuildError("pip is still missing after python3-pip was installed")
    return command


def _has_static_libc() -> bool:
    try:
        path = run(["cc", "-print-file-name=libc.a"]).stdout.strip()
    except BuildError:
        return False
    return os.path.isabs(path) and os.path.exists(path)


def need(*names: str) -> None:
    """Installs the Debian packages of those needs that the machine does not meet, and only those."""
    packages = [package for name in names if not NEEDS[name][0]() for package in NEEDS[name][1]]
    if not packages:
        return
    wanted = " ".join(packages)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise BuildError(f"missing Debian packages: {wanted}; install them (apt-get install {wanted}) and call again")
    say(f"missing on this machine: {wanted}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    with timed(f"apt-get install {wanted}"):
        try:
            run(install, env=quiet)
        except BuildError:
            # The machine's package lists may be absent or old.
            run(["apt-get", "update", "-q"], env=quiet)
            run(install, env=quiet)
    for name in names:
        if not NEEDS[name][0]():
            raise BuildError(f"{name} is still missing after installing {wanted}")
