"""The two programs, linked statically: the images have no C library for them, and need none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .elf import read_elf
from .project import BuildError, ROOT, TARGET, say, timed
from .tools import need

#: binary → arguments of cargo that choose its features
_FEATURES = {"stratbox-runner": ["--no-default-features", "--features", "runner"], "stratbox": []}

#: what cargo sets for the process of one package
_OF_A_PACKAGE = ("CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_")


def build(binary: str) -> Path:
    """Builds the binary with cargo and returns its path; cargo's own cache makes a second call quick."""
    need("cc")
    command = ["cargo", "build", "--release", "--locked", *_FEATURES[binary], "--bin", binary, "--target", TARGET]
    # Given with --target, the flag is for the program alone, not for build scripts and macros, which must stay dynamic.
    flags = f"{os.environ.get('RUSTFLAGS', '')} -C target-feature=+crt-static".strip()
    # What cargo tells a test's process about its package would make build scripts that look at it run again, and all that
    # stands on them: the same build from a test and from a shell must be the same.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OF_A_PACKAGE)}
    with timed(f"cargo build of {binary}"):
        _cargo(command, {**environment, "RUSTFLAGS": flags})
    folder = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return checked((ROOT / folder) / TARGET / "release" / binary)


def _cargo(command: list[str], environment: dict[str, str]) -> None:
    # Cargo's own progress goes where ours goes; stdout is for the result.
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False)
    except OSError as error:
        raise BuildError(f"failed to start cargo: {error}; rust-toolchain.toml names the toolchain") from error
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command)} ended with {done.returncode}")


def checked(path: Path) -> Path:
    """The path, if it is a static x86-64 program."""
    if not path.is_file():
        raise BuildError(f"{path} is no file")
    elf = read_elf(path)
    if elf is None:
        raise BuildError(f"{path} is no 64-bit ELF program")
    if elf.has_loader or elf.needed:
        raise BuildError(f"{path} is dynamically linked ({', '.join(elf.needed)}); build it with -C target-feature=+crt-static")
    say(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, static")
    return path
