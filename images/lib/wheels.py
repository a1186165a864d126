"""Wheels, by pip, so that the machine's index, proxy and certificates hold; by hash, so that nothing else gets in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .project import BuildError, cache_dir, replacing, run, scratch, sha256_of
from .tools import pip

#: What the image's interpreter can load: CPython 3.13 on x86-64 with Debian 13's glibc 2.41. Older names are listed
#: because pip does not derive them from the newest one.
PLATFORMS = ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_24_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"]


def _download(python: str, into: Path, *arguments: str) -> None:
    targets = [option for name in PLATFORMS for option in ("--platform", name)]
    run(
        [
            *pip(), "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--dest", str(into),
            "--only-binary", ":all:", "--implementation", "cp", "--python-version", python, *targets, *arguments,
        ]
    )  # fmt: skip


def fetch(python: str, wheels: list[dict[str, Any]]) -> list[Path]:
    """Every wheel of the list, from the cache or the package index, its sha256 checked."""
    paths = [cache_dir("downloads", wheel["sha256"]) / wheel["file"] for wheel in wheels]
    missing = [wheel for wheel, path in zip(wheels, paths) if not path.exists() or sha256_of(path) != wheel["sha256"]]
    if missing:
        with scratch() as folder:
            lines = [f"{wheel['name']}=={wheel['version']} --hash=sha256:{wheel['sha256']}" for wheel in missing]
            (folder / "requirements.txt").write_text("\n".join(lines) + "\n")
            _download(python, folder, "--no-deps", "--require-hashes", "-r", str(folder / "requirements.txt"))
            for wheel in missing:
                got = folder / wheel["file"]
                if not got.exists() or sha256_of(got) != wheel["sha256"]:
                    raise BuildError(f"pip did not bring {wheel['file']}: run images/lock")
                with replacing(cache_dir("downloads", wheel["sha256"]) / wheel["file"]) as temporary:
                    temporary.write_bytes(got.read_bytes())
    return paths


def resolve(python: str, requirements: Path, *arguments: str) -> list[dict[str, Any]]:
    """What pip chooses now for the requirements, as lock entries."""
    with scratch() as folder:
        _download(python, folder, "-r", str(requirements), *arguments)
        return [_describe(path) for path in sorted(folder.glob("*.whl"), key=lambda path: path.name.lower())]


def _describe(path: Path) -> dict[str, Any]:
    match = re.fullmatch(r"(?P<name>[^-]+)-(?P<version>[^-]+)(-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl", path.name)
    if match is None:
        raise BuildError(f"{path.name} is no name of a wheel")
    return {
        "name": match["name"].replace("_", "-").lower(),
        "version": match["version"],
        "file": path.name,
        "sha256": sha256_of(path),
    }
