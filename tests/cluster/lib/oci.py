#!/usr/bin/env python3
"""Packs a folder as an OCI image archive with one layer, without a container engine.

The same folder gives the same bytes, hence the same digest: names are sorted, times and owners are zero.
Prints `NAME DIGEST`.
"""
import argparse
import hashlib
import io
import json
import os
import platform
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Removes what differs from machine to machine."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def layer_of(folder: str) -> bytes:
    """The folder's content as an uncompressed tar."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(os.listdir(folder)):
            tar.add(os.path.join(folder, name), arcname=name, filter=plain)
    return stream.getvalue()


def digest_of(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def described(blob: bytes, kind: str) -> dict:
    """The OCI descriptor of a blob."""
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest_of(blob), "size": len(blob)}


def write_image(folder: str, archive: str, name: str, entrypoint: list, user: str) -> str:
    """Writes the archive; returns the digest of the image's manifest."""
    layer = layer_of(folder)
    config = json.dumps({
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "User": user, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
    }, sort_keys=True).encode()
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described(config, "config.v1+json"),
        "layers": [described(layer, "layer.v1.tar")],
    }, sort_keys=True).encode()
    head = described(manifest, "manifest.v1+json")
    head["annotations"] = {"io.containerd.image.name": name}
    index = json.dumps({"schemaVersion": 2, "manifests": [head]}, sort_keys=True).encode()

    blobs = {"blobs/sha256/" + digest_of(blob)[7:]: blob for blob in (layer, config, manifest)}
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": index, **blobs}
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
    return head["digest"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--name", required=True, help="fully qualified, e.g. localhost/probe:1")
    options.add_argument("--entrypoint", action="append", required=True, help="repeat for each argument")
    options.add_argument("--user", default="1000:1000")
    options.add_argument("folder")
    options.add_argument("archive")
    given = options.parse_args()
    print(given.name, write_image(given.folder, given.archive, given.name, given.entrypoint, given.user))


if __name__ == "__main__":
    main()
