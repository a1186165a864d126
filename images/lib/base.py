"""The sandbox image's base layer: interpreter, libraries, numpy, pandas and their compiled files.

It is large and changes only with the lock or with this code, so it is kept in the cache; the runner and the interpreter
loop lie in a small layer above it.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from . import contents, debian, wheels
from .elf import libraries_in_use
from .oci import Layer, Tree
from .project import BuildError, LOCK, as_root, cache_dir, replacing, run, say, scratch, timed
from .tools import CHROOT, need

#: A change in one of these may change the layer.
_SOURCES = ["absent.py", "base.py", "compile_pyc.py", "contents.py", "elf.py", "oci.py"]
_SHARES = 4
#: How many base layers the cache keeps: a few branches' worth, 120 MB each.
_KEPT = 3


def read_lock() -> dict[str, Any]:
    """images/lock.json; a lock of another shape is refused rather than guessed at."""
    try:
        lock = json.loads(LOCK.read_text())
    except (OSError, ValueError) as error:
        raise BuildError(f"failed to read {LOCK.name}: {error}; images/lock writes it anew") from error
    if lock.get("schema") != 1 or lock.get("suite") != contents.SUITE or lock.get("python") != contents.PYTHON:
        raise BuildError(f"{LOCK.name} is for another suite, Python or schema: run images/lock")
    return lock


def base_layer(lock: dict[str, Any]) -> Layer:
    """The layer, from the cache or built."""
    key = hashlib.sha256(json.dumps(lock, sort_keys=True).encode())
    for name in _SOURCES:
        key.update((Path(__file__).parent / name).read_bytes())
    stored = cache_dir("base") / f"{key.hexdigest()[:32]}.tar"
    note = stored.with_suffix(".json")
    if note.exists() and stored.exists():
        # The note is written last and names the size; the digest is not computed anew at each build.
        known = json.loads(note.read_text())
        if known["size"] == stored.stat().st_size:
            say("base layer: from the cache")
            return Layer(stored, known["digest"], known["size"])
    need("dpkg-deb", "chroot", "unshare")
    with timed("base layer"), scratch() as folder:
        layer = _build(lock, folder).write(stored, lock["sourceDateEpoch"])
    with replacing(note) as temporary:
        temporary.write_text(json.dumps({"digest": layer.digest, "size": layer.size}) + "\n")
    _forget_old(stored.parent)
    return layer


def _forget_old(folder: Path) -> None:
    stored = sorted(folder.glob("*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in stored[_KEPT:]:
        path.with_suffix(".json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def _build(lock: dict[str, Any], folder: Path) -> Tree:
    raw, root = folder / "raw", folder / "root"
    raw.mkdir()
    with timed("  packages and wheels fetched"):
        debs = debian.fetch(lock)
        wheel_files = wheels.fetch(lock["python"], lock["wheels"])
    with timed("  unpacked"):
        for deb in debs:
            run(["dpkg-deb", "--extract", str(deb), str(raw)])
        for wheel in wheel_files:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(raw / contents.SITE)
    _select(raw, root)
    leave_out(root / contents.SITE, contents.ABSENT_SITE)
    with timed("  Python files compiled by the image's own interpreter"):
        _compile(root, lock["sourceDateEpoch"])
    return _tree(root)


def _matches(path: str, patterns: list[str]) -> bool:
    # fnmatch's star crosses slashes, so "**/x" must also be tried without its leading folder.
    return any(fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, pattern.removeprefix("**/")) for pattern in patterns)


def _select(raw: Path, root: Path) -> None:
    """Moves what the image keeps from `raw` to `root`."""
    chosen = []
    for folder, _, names in os.walk(raw):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), raw)
            if path.startswith(contents.STDLIB + "/"):
                kept = not _matches(path.removeprefix(contents.STDLIB + "/"), contents.DROP_STDLIB)
            elif path.startswith(contents.SITE + "/"):
                kept = not _matches(path.removeprefix(contents.SITE + "/"), contents.DROP_SITE)
            else:
                kept = _matches(path, contents.KEEP)
            if kept:
                chosen.append(path)
    shared = [raw / path for path in chosen if ".so" in Path(path).name]
    wheel_libraries = sorted((raw / contents.SITE).glob("*.libs"))
    try:
        used = libraries_in_use([raw / contents.INTERPRETER, *shared], [raw / contents.LIBRARIES, *wheel_libraries])
    except FileNotFoundError as error:
        raise BuildError(f"no package of the lock brings {error}; add it to PACKAGES in images/lib/contents.py") from error
    libraries = {os.path.relpath(path, raw) for path in used if path.is_relative_to(raw / contents.LIBRARIES)}
    for path in sorted({*chosen, *libraries, contents.LOADER}):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (raw / path).rename(target)
    # As Debian's base-files has it: /lib and /lib64 are the folders of the same name in /usr.
    (root / "lib").symlink_to("usr/lib")
    (root / "lib64").symlink_to("usr/lib64")
    (root / "usr/bin/python3").symlink_to(Path(contents.INTERPRETER).name)


def leave_out(site: Path, patterns: list[str]) -> None:
    """Puts absent.py in place of the modules; a pattern without a module is what an upgrade of the library left behind."""
    absent = Path(__file__).with_name("absent.py").read_bytes()
    sources = [path.relative_to(site).as_posix() for path in site.rglob("*.py")]
    for pattern in patterns:
        found = fnmatch.filter(sources, pattern)
        if not found:
            raise BuildError(f"no module is {pattern}: the wheels have changed; look at ABSENT_SITE in images/lib/contents.py")
        for path in found:
            (site / path).write_bytes(absent)


def _compile(root: Path, epoch: int) -> None:
    script = Path(__file__).with_name("compile_pyc.py")
    inside = root / "compile_pyc.py"
    inside.write_bytes(script.read_bytes())
    # Nothing of this machine's environment reaches the compiler; the hash seed fixes the order of its sets.
    environment = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": str(epoch), "LANG": "C.UTF-8", "PATH": os.environ.get("PATH", "")}
    shares = [
        subprocess.Popen(
            as_root(
                [CHROOT, str(root), f"/{contents.INTERPRETER}", "-s", "-P", "-B", "-X", "utf8", "/compile_pyc.py"]
                + [str(share), str(_SHARES), f"/{contents.STDLIB}", f"/{contents.SITE}"]
            ),
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        for share in range(_SHARES)
    ]
    told = [process.communicate()[0] for process in shares]
    inside.unlink()
    for process, text in zip(shares, told):
        if process.returncode != 0:
            raise BuildError(f"compiling in the image failed ({process.returncode}):\n{text[-2000:]}")


def _tree(root: Path) -> Tree:
    tree = Tree()
    for folder in contents.MOUNT_POINTS:
        tree.directory(folder)
    tree.file("etc/passwd", contents.PASSWD)
    tree.file("etc/group", contents.GROUP)
    for folder, folders, names in os.walk(root):
        for name in [*folders, *names]:
            path = Path(folder, name)
            inside = str(path.relative_to(root))
            if path.is_symlink():
                tree.link(inside, os.readlink(path))
            elif path.is_dir():
                tree.directory(inside)
            else:
                # The kernel executes two files only; shared objects need no such bit to be mapped.
                tree.file(inside, path, executable=inside in (contents.INTERPRETER, contents.LOADER))
    return tree
