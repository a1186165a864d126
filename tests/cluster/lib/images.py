"""Image archives into containerd, under their names and under NAME@DIGEST."""
import json
import pathlib
import subprocess
import tarfile

import processes
from report import ClusterError
from settings import CONTAINERD_SOCKET

NAME_KEYS = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


def ctr(bin_dir: pathlib.Path, *words: str) -> str:
    """Runs ctr in the namespace that the kubelet uses."""
    done = subprocess.run([str(bin_dir / "ctr"), "--address", str(CONTAINERD_SOCKET), "--namespace", "k8s.io", *words],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"ctr {' '.join(words[:2])} failed: {done.stderr.strip()}")
    return done.stdout


def images_in(archive: pathlib.Path) -> list:
    """(name, digest) of the images in an OCI archive."""
    try:
        with tarfile.open(archive) as tar:
            index = json.load(tar.extractfile("index.json"))
    except (OSError, KeyError, tarfile.TarError, json.JSONDecodeError) as problem:
        raise ClusterError(f"{archive} is no OCI archive: {problem}") from problem
    found = []
    for entry in index.get("manifests", []):
        name = next((entry["annotations"][key] for key in NAME_KEYS if key in entry.get("annotations", {})), None)
        if name is None:
            continue  # a part of another entry, such as an attestation
        if "/" not in name or not any(sign in name.partition("/")[0] for sign in (".", ":", "localhost")):
            raise ClusterError(f"{archive}: the name {name} is not fully qualified (say localhost/{name})")
        found.append((name, entry["digest"]))
    if not found:
        raise ClusterError(f"{archive} holds no image with a name ({NAME_KEYS[0]} in index.json)")
    return found


def base_name(name: str) -> str:
    """The name without tag and digest."""
    name = name.partition("@")[0]
    head, _, last = name.rpartition("/")
    return f"{head}/{last.partition(':')[0]}"


def present_images(bin_dir: pathlib.Path) -> dict:
    """name -> digest of what containerd has."""
    lines = ctr(bin_dir, "images", "list").splitlines()[1:]
    return {fields[0]: fields[2] for fields in (line.split() for line in lines) if len(fields) > 2}


def load_archives(bin_dir: pathlib.Path, archives: list) -> list:
    """Imports what is not there yet; (name, digest) of all images of the archives.

    A pod may name an image by digest only if containerd has a record of that very name, hence the second tag.
    """
    if processes.live_pid("containerd") is None:
        raise ClusterError("containerd does not run; tests/cluster/up starts it")
    present = present_images(bin_dir)
    loaded = []
    for archive in archives:
        contents = images_in(archive)
        missing = [(name, digest) for name, digest in contents
                   if present.get(name) != digest or present.get(f"{base_name(name)}@{digest}") != digest]
        if missing:
            ctr(bin_dir, "images", "import", str(archive))
            for name, digest in missing:
                ctr(bin_dir, "images", "tag", "--force", name, f"{base_name(name)}@{digest}")
        loaded.extend(contents)
    return loaded
