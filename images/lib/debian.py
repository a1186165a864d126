"""Debian packages of the suite that the lock names, from the mirror that this machine already uses.

No host is written anywhere: the mirror is read from the machine's own apt configuration, so proxies, local mirrors
and credentials set there hold here too. `STRATBOX_DEBIAN_MIRROR` and `STRATBOX_DEBIAN_SECURITY_MIRROR` override it.
"""

from __future__ import annotations

import os
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .project import ARCHITECTURE, BuildError, cache_dir, replacing, run, say, scratch, sha256_of
from .tools import DEBIAN_KEYS, need

#: apt-helper fetches single files with apt's own transports and settings.
APT_HELPER = "/usr/lib/apt/apt-helper"

#: Where a package may lie: Debian's main archive, and the security archive with its other pool.
POOLS = {"debian": "pool/main/", "debian-security": "pool/updates/main/"}


@dataclass(frozen=True)
class Mirrors:
    """Base addresses, best first, of the main and of the security archive."""

    debian: list[str]
    security: list[str]

    def of(self, archive: str) -> list[str]:
        return self.security if archive == "debian-security" else self.debian


def observe_mirrors() -> Mirrors:
    """The machine's own Debian mirrors."""
    need("apt")
    main = [url for url in [os.environ.get("STRATBOX_DEBIAN_MIRROR", "").rstrip("/")] if url]
    security = [url for url in [os.environ.get("STRATBOX_DEBIAN_SECURITY_MIRROR", "").rstrip("/")] if url]
    listed = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"])
    for line in listed.stdout.splitlines():
        base, release, component = line.rsplit(" ", 2)
        # Other vendors also name their suites after Debian's; their components are rarely "main", and where they are,
        # Debian's signature or the locked hash refuses what they serve.
        if component != "main":
            continue
        found = security if release.endswith(("-security", "/updates")) else main
        if base.rstrip("/") not in found:
            found.append(base.rstrip("/"))
    main.sort(key=lambda base: not base.endswith("/debian"))
    if not main:
        raise BuildError(
            "no Debian mirror in this machine's apt configuration; set STRATBOX_DEBIAN_MIRROR (and"
            " STRATBOX_DEBIAN_SECURITY_MIRROR) to the address of one"
        )
    return Mirrors(main, security)


def fetch(lock: dict[str, Any]) -> list[Path]:
    """Every package of the lock, from the cache or a mirror, its sha256 checked."""
    mirrors: Mirrors | None = None
    paths = []
    for deb in lock["debs"]:
        path = cache_dir("downloads") / f"{deb['sha256']}.deb"
        if not path.exists() or sha256_of(path) != deb["sha256"]:
            mirrors = mirrors or observe_mirrors()
            _fetch_one(deb, mirrors, path)
        paths.append(path)
    return paths


def _fetch_one(deb: dict[str, Any], mirrors: Mirrors, path: Path) -> None:
    # A security update moves to the main archive with the next point release, so both are asked, the locked one first.
    places = []
    for archive in sorted(POOLS, key=lambda archive: archive != deb["archive"]):
        pool = POOLS[archive] + deb["path"].removeprefix(POOLS[deb["archive"]])
        places += [f"{base}/{urllib.parse.quote(pool)}" for base in mirrors.of(archive)]
    failures = []
    with replacing(path) as temporary:
        for place in places:
            try:
                run([APT_HELPER, "-o", "APT::Sandbox::User=root", "download-file", place, str(temporary), f"SHA256:{deb['sha256']}"])
            except BuildError as error:
                failures.append(str(error))
                continue
            if sha256_of(temporary) == deb["sha256"]:
                return
            failures.append(f"{deb['package']}: another file than the locked one was served")
        what = f"{deb['package']} {deb['version']}"
        telling = [failure for failure in failures if "404" not in failure]
        if failures and not telling:
            raise BuildError(
                f"{what} has left the Debian mirror (a newer version replaced it): run images/lock to renew"
                " images/lock.json, and look at what changed in it"
            )
        raise BuildError(f"failed to fetch {what}: {telling[0] if telling else 'no mirror known'}")


def resolve(suite: str, packages: list[str]) -> list[dict[str, Any]]:
    """The newest versions that suite, its updates and its security archive have now, as lock entries.

    Uses an apt of its own (sources, lists, an empty dpkg status), so the machine's suite and pins do not matter; the
    lists' signatures are checked against Debian's keys.
    """
    need("apt", "keys")
    mirrors = observe_mirrors()
    with scratch() as root:
        for folder in ["etc/apt.conf.d", "etc/preferences.d", "etc/trusted.gpg.d", "state/lists/partial", "cache/archives/partial"]:
            (root / folder).mkdir(parents=True)
        (root / "status").write_bytes(b"")
        options = [
            f"-oDir::Etc={root}/etc",
            "-oDir::Etc::sourceparts=-",
            f"-oDir::Etc::sourcelist={root}/etc/sources.list",
            f"-oDir::State={root}/state",
            f"-oDir::State::status={root}/status",
            f"-oDir::Cache={root}/cache",
            f"-oAPT::Architecture={ARCHITECTURE}",
            f"-oAPT::Architectures={ARCHITECTURE}",
            "-oAPT::Sandbox::User=root",
            "-oAPT::Update::Error-Mode=any",
            "-oAcquire::Languages=none",
        ]
        _update(root, options, mirrors, suite)
        return [_describe(run(["apt-cache", *options, "show", "--no-all-versions", name]).stdout) for name in packages]


def _update(root: Path, options: list[str], mirrors: Mirrors, suite: str) -> None:
    if not mirrors.security:
        say("no security mirror is configured on this machine: locking from the main archive alone")
    errors = []
    for base in mirrors.debian:
        sources = [f"deb [signed-by={DEBIAN_KEYS}] {base} {part} main" for part in (suite, f"{suite}-updates")]
        sources += [f"deb [signed-by={DEBIAN_KEYS}] {url} {suite}-security main" for url in mirrors.security]
        (root / "etc/sources.list").write_text("\n".join(sources) + "\n")
        try:
            run(["apt-get", *options, "update", "-q"])
            return
        except BuildError as error:
            errors.append(str(error))
    raise BuildError(f"no mirror of this machine has the suite {suite}: {errors[-1]}")


def _describe(stanza: str) -> dict[str, Any]:
    fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith(" "))
    archive = "debian-security" if fields["Filename"].startswith(POOLS["debian-security"]) else "debian"
    return {
        "package": fields["Package"],
        "version": fields["Version"],
        "archive": archive,
        "path": fields["Filename"],
        "sha256": fields["SHA256"],
    }
