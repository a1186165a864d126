"""OCI archives: written with nothing left to chance, read back for the checks.

The layers are plain tar. A compressed layer's digest depends on the compressor's version, an uncompressed one's does
not, so "same lock, same digest" holds on any machine; and a node imports it without inflating it first.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .project import ARCHITECTURE, BuildError, replacing, run, sha256_of

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Layer:
    """A finished layer on disk. Uncompressed, so its digest is its diff_id too."""

    path: Path
    digest: str
    size: int

    @classmethod
    def of(cls, path: Path) -> Layer:
        return cls(path, f"sha256:{sha256_of(path)}", path.stat().st_size)


@dataclass
class Tree:
    """The content of a layer, by path without a leading slash. Parents are made as needed."""

    entries: dict[str, tuple[str, bytes | Path | str, int]] = field(default_factory=dict)

    def directory(self, path: str) -> None:
        if path:
            self.directory(path.rpartition("/")[0])
            self.entries.setdefault(path, ("dir", b"", 0o755))

    def file(self, path: str, content: bytes | Path, *, executable: bool = False) -> None:
        self.directory(path.rpartition("/")[0])
        self.entries[path] = ("file", content, 0o755 if executable else 0o644)

    def link(self, path: str, target: str) -> None:
        self.directory(path.rpartition("/")[0])
        self.entries[path] = ("link", target, 0o777)

    def write(self, path: Path, epoch: int) -> Layer:
        """Writes the tar: sorted, owned by root, one time stamp, modes 0644 and 0755 only."""
        with replacing(path) as temporary:
            with tarfile.open(temporary, "w", format=tarfile.GNU_FORMAT) as tar:
                for name in sorted(self.entries):
                    kind, content, mode = self.entries[name]
                    header = tarfile.TarInfo(name)
                    header.mode, header.mtime, header.uname, header.gname = mode, epoch, "", ""
                    if kind == "dir":
                        header.type = tarfile.DIRTYPE
                        tar.addfile(header)
                    elif kind == "link":
                        header.type, header.linkname = tarfile.SYMTYPE, str(content)
                        tar.addfile(header)
                    elif isinstance(content, bytes):
                        header.size = len(content)
                        tar.addfile(header, io.BytesIO(content))
                    else:
                        header.size = content.stat().st_size
                        with content.open("rb") as source:
                            tar.addfile(header, source)
        return Layer.of(path)


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def write_archive(path: Path, name: str, layers: list[Layer], config: dict[str, Any], epoch: int) -> str:
    """Writes the OCI layout of one image as a tar file; returns the manifest's digest."""
    blobs: list[tuple[str, bytes | Layer]] = [(layer.digest, layer) for layer in layers]

    def blob(kind: str, value: dict[str, Any]) -> dict[str, Any]:
        content = _json(value)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        blobs.append((digest, content))
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    described = blob(
        CONFIG_TYPE,
        {
            "architecture": ARCHITECTURE,
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        },
    )
    manifest = blob(
        MANIFEST_TYPE,
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": described,
            "layers": [{"mediaType": LAYER_TYPE, "digest": one.digest, "size": one.size} for one in layers],
        },
    )
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [
            {
                **manifest,
                "platform": {"architecture": ARCHITECTURE, "os": "linux"},
                # containerd imports under the first; other tools choose by the second, a bare tag.
                "annotations": {
                    "io.containerd.image.name": name,
                    "org.opencontainers.image.ref.name": name.rpartition(":")[2],
                },
            },
        ],
    }
    with replacing(path) as temporary:
        with tarfile.open(temporary, "w", format=tarfile.GNU_FORMAT) as tar:
            _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}), epoch)
            _add(tar, "index.json", _json(index), epoch)
            for digest, content in dict(blobs).items():
                _add(tar, f"blobs/sha256/{digest.removeprefix('sha256:')}", content, epoch)
    return manifest["digest"]


def _add(tar: tarfile.TarFile, name: str, content: bytes | Layer, epoch: int) -> None:
    header = tarfile.TarInfo(name)
    header.mode, header.mtime = 0o644, epoch
    if isinstance(content, bytes):
        header.size = len(content)
        tar.addfile(header, io.BytesIO(content))
    else:
        header.size = content.size
        with content.path.open("rb") as source:
            tar.addfile(header, source)


@dataclass(frozen=True)
class Archive:
    """An archive read back: every digest in it has been recomputed."""

    name: str
    digest: str
    config: dict[str, Any]
    layers: list[str]


def read_archive(path: Path, into: Path) -> Archive:
    """Verifies an archive and unpacks its blobs to `into`; the layers are files named by their digest there."""
    try:
        opened = tarfile.open(path, "r:")
    except (OSError, tarfile.TarError) as error:
        raise BuildError(f"failed to open the archive {path}: {error}") from error
    with opened as tar:
        for member in tar.getmembers():
            if not member.isfile():
                raise BuildError(f"{path}: {member.name} is not a plain file")
            target = into / Path(member.name).name
            source = tar.extractfile(member)
            if source is None:
                raise BuildError(f"{path}: {member.name} cannot be read")
            with source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            if member.name.startswith("blobs/") and sha256_of(target) != target.name:
                raise BuildError(f"{path}: {member.name} is not what its name says")

    def load(digest: str) -> dict[str, Any]:
        return json.loads((into / digest.removeprefix("sha256:")).read_bytes())

    entries = json.loads((into / "index.json").read_bytes())["manifests"]
    if len(entries) != 1:
        raise BuildError(f"{path}: expected one image, found {len(entries)}")
    manifest = load(entries[0]["digest"])
    config = load(manifest["config"]["digest"])
    layers = [layer["digest"] for layer in manifest["layers"]]
    if config["rootfs"]["diff_ids"] != layers:
        raise BuildError(f"{path}: the configuration's diff_ids are not the layers'")
    return Archive(entries[0]["annotations"]["io.containerd.image.name"], entries[0]["digest"], config["config"], layers)


def unpack(archive: Archive, blobs: Path, root: Path) -> list[tarfile.TarInfo]:
    """Unpacks the layers over one another, as a runtime would; returns every header, of all layers."""
    headers: list[tarfile.TarInfo] = []
    for digest in archive.layers:
        with tarfile.open(blobs / digest[7:]) as tar:
            members = tar.getmembers()
            _refuse_odd(members)
            headers.extend(members)
        run(["tar", "--extract", "--preserve-permissions", "--file", str(blobs / digest[7:]), "--directory", str(root)])
    return headers


def _refuse_odd(members: Iterable[tarfile.TarInfo]) -> None:
    for member in members:
        if not (member.isfile() or member.isdir() or member.issym()):
            raise BuildError(f"{member.name}: neither a file, a directory nor a symbolic link")
