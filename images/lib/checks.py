"""What must hold for an image, read from the finished archive alone. Each function returns the complaints it has."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import stat
import subprocess
import tarfile
from pathlib import Path

from . import contents
from .dataset import NAME
from .elf import libraries_in_use, read_elf
from .oci import Archive
from .project import as_root
from .tools import CHROOT

#: Unpacked bytes that an image may have.
LIMITS = {"sandbox": 250_000_000, "operator": 40_000_000, "dataset-us-stocks": 10_000_000}

#: Programs that an image may have; no other file has an executable bit. So: no shell, no package manager, no perl.
PROGRAMS = {
    "sandbox": {contents.INTERPRETER, contents.LOADER, "usr/local/bin/stratbox-runner"},
    "operator": {"usr/local/bin/stratbox"},
    "dataset-us-stocks": set(),
}

#: Refused by name as well, executable or not: a file that an interpreter or a loader could still be given.
NAMES = {
    "sh", "bash", "dash", "ash", "zsh", "ksh", "csh", "tcsh", "fish", "rbash", "busybox", "toybox", "perl", "apt", "apt-get",
    "dpkg", "rpm", "apk", "pip", "pip3", "conda", "ensurepip", "su", "sudo", "mount", "nsenter", "gcc", "cc", "ld", "gdb",
}  # fmt: skip


def headers(kind: str, members: list[tarfile.TarInfo]) -> list[str]:
    """Owners, modes, names, sizes, as the layers' headers have them (unpacking might hide some of it)."""
    bad = []
    for member in members:
        if member.uid or member.gid:
            bad.append(f"{member.name}: owned by {member.uid}:{member.gid}, not by root")
        if member.mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
            bad.append(f"{member.name}: setuid, setgid or sticky")
        if member.mode & (stat.S_IWGRP | stat.S_IWOTH) and not member.issym():
            bad.append(f"{member.name}: writable by others than its owner")
        if not member.mode & stat.S_IROTH or (member.isdir() and not member.mode & stat.S_IXOTH):
            bad.append(f"{member.name}: not readable by UID 1000")
        if member.pax_headers:
            bad.append(f"{member.name}: extended attributes")
        if Path(member.name).name in NAMES or member.name.startswith("var/lib/dpkg"):
            bad.append(f"{member.name}: has no business in an image")
    programs = {member.name for member in members if member.isfile() and member.mode & 0o111}
    bad += [f"{name}: an unexpected program" for name in sorted(programs - PROGRAMS[kind])]
    bad += [f"{name}: missing" for name in sorted(PROGRAMS[kind] - programs)]
    size = unpacked_size(members)
    if size > LIMITS[kind]:
        bad.append(f"{size} bytes unpacked, more than {LIMITS[kind]}")
    return bad


def unpacked_size(members: list[tarfile.TarInfo]) -> int:
    """Bytes of all files."""
    return sum(member.size for member in members if member.isfile())


def links(root: Path) -> list[str]:
    """Symbolic links that lead nowhere, or out of the image."""
    bad = []
    for folder, folders, names in os.walk(root):
        for path in (Path(folder, name) for name in [*folders, *names]):
            if path.is_symlink():
                target = path.readlink()
                if target.is_absolute() or not (resolved := path.resolve()).is_relative_to(root.resolve()) or not resolved.exists():
                    bad.append(f"{path.relative_to(root)}: leads to {target}")
    return bad


def entrypoint(archive: Archive, root: Path, user: str) -> list[str]:
    """The one program an image starts: there, static, and not started as root."""
    config = archive.config
    bad = [] if config.get("User") == user else [f"user is {config.get('User')!r}, not {user!r}"]
    command = config.get("Entrypoint") or []
    if len(command) != 1 or config.get("Cmd"):
        return [*bad, f"entrypoint is {command!r}, not one program without arguments"]
    path = root / command[0].lstrip("/")
    elf = read_elf(path) if path.is_file() else None
    if elf is None or elf.has_loader or elf.needed:
        bad.append(f"entrypoint {command[0]} is no static program")
    return bad


def sandbox(root: Path) -> list[str]:
    """Compiled files for every source, libraries for every shared object, and the interpreter loop."""
    bad = []
    for top in (root / contents.STDLIB, root / contents.SITE):
        for source in top.rglob("*.py"):
            compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-{contents.PYTHON.replace('.', '')}.pyc"
            # Bytes 4 to 7: 1 is "hash-based, not to be compared with the source", so the source is never opened.
            if not compiled.is_file() or compiled.read_bytes()[4:8] != b"\x01\0\0\0":
                bad.append(f"{source.relative_to(root)}: no unchecked-hash .pyc")
    if not (root / "usr/lib/stratbox/loop.py").is_file():
        bad.append("usr/lib/stratbox/loop.py: missing")
    folder = root / "datasets"
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if found == [NAME]:
        bad += dataset(folder / NAME)
    else:
        bad.append(f"datasets: {found}, not {NAME} alone")
    shared = [path for path in (root / "usr").rglob("*.so*") if path.is_file() and not path.is_symlink()]
    folders = [root / contents.LIBRARIES, *(root / contents.SITE).glob("*.libs")]
    try:
        libraries_in_use([root / contents.INTERPRETER, *shared], folders)
    except FileNotFoundError as error:
        bad.append(f"{error}: a library that something in the image needs is missing")
    return bad


def imports(root: Path, rounds: int) -> tuple[list[str], list[dict]]:
    """numpy and pandas, imported by the image's interpreter inside the image as UID 1000; also the measurements."""
    probe = Path(__file__).with_name("probe.py").read_text()
    environment = {"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "TZ": "UTC", "PATH": os.environ.get("PATH", "")}
    environment |= {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}
    user = ["--userspec=1000:1000", "--groups="] if os.geteuid() == 0 else []
    command = as_root([CHROOT, *user, str(root), f"/{contents.INTERPRETER}", "-s", "-P", "-B", "-X", "utf8", "-c", probe])
    bad, told = [], []
    for _ in range(rounds):
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return [f"importing numpy and pandas ended with {done.returncode}: {done.stderr.strip()[-1500:]}"], told
        told.append(json.loads(done.stdout))
    for answer in told[:1]:
        bad += [f"{path}: opened as a source during import" for path in answer["openedSources"]]
        if answer["hashRandomization"] != 0:
            bad.append("hash randomisation is on although PYTHONHASHSEED=0 was given")
    return bad, told


def dataset(root: Path) -> list[str]:
    """The manifest says what the file holds, and the file is in order."""
    manifest = json.loads((root / "manifest.json").read_text())
    data = (root / manifest["file"]).read_bytes()
    rows = list(csv.reader(data.decode("ascii").splitlines()))
    header, rows = rows[0], rows[1:]
    close, low, high = (header.index(name) for name in ("close", "low", "high"))
    found = {
        "schema": 1,
        "format": "csv",
        "sha256": hashlib.sha256(data).hexdigest(),
        "rows": len(rows),
        "fields": header[2:],
        "symbols": sorted({row[1] for row in rows}),
        "firstDate": min(row[0] for row in rows),
        "lastDate": max(row[0] for row in rows),
    }
    bad = [
        f"manifest.json: {key} is {manifest.get(key)!r}, the file has {value!r}"
        for key, value in found.items()
        if manifest.get(key) != value
    ]
    if header[:2] != ["date", "symbol"]:
        bad.append(f"{manifest['file']}: starts with the columns {header[:2]}")
    if [row[:2] for row in rows] != sorted(row[:2] for row in rows) or len({tuple(row[:2]) for row in rows}) != len(rows):
        bad.append(f"{manifest['file']}: not ordered by date and symbol, or a pair is there twice")
    wrong = [row for row in rows if not 0 < float(row[low]) <= float(row[close]) <= float(row[high])]
    bad += [f"{row[1]} {row[0]}: close outside of low and high" for row in wrong[:5]]
    return bad
