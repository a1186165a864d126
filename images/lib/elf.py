"""The little that must be known of an ELF file: which shared libraries it asks for, and whether it has a loader."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB = 1, 5


@dataclass(frozen=True)
class Elf:
    needed: list[str]
    #: False for a static program: nothing but the kernel is needed to start it.
    has_loader: bool


def read_elf(path: Path) -> Elf | None:
    """The file's needs, or None where it is no 64-bit little-endian ELF file."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        return None
    offset, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQ", data, offset + index * size) for index in range(count)]
    loads = [(address, start, length) for kind, _, start, address, _, length in segments if kind == _PT_LOAD]
    names: list[int] = []
    table = 0
    for kind, _, start, _, _, length in segments:
        if kind != _PT_DYNAMIC:
            continue
        for tag, value in struct.iter_unpack("<qQ", data[start : start + length - length % 16]):
            if tag == _DT_NEEDED:
                names.append(value)
            elif tag == _DT_STRTAB:
                table = value
    strings = next((table - address + start for address, start, length in loads if address <= table < address + length), 0)
    needed = [data[strings + name : data.index(b"\0", strings + name)].decode() for name in names]
    return Elf(needed, any(segment[0] == _PT_INTERP for segment in segments))


def libraries_in_use(roots: list[Path], folders: list[Path]) -> set[Path]:
    """The files in `folders` that `roots` need, directly or not, symbolic links on the way included."""
    used: set[Path] = set()
    queue = list(roots)
    while queue:
        elf = read_elf(queue.pop())
        for name in elf.needed if elf else []:
            found = next((folder / name for folder in folders if (folder / name).exists()), None)
            if found is None:
                raise FileNotFoundError(name)
            while found not in used:
                used.add(found)
                if not found.is_symlink():
                    queue.append(found)
                    break
                found = found.parent / found.readlink()
    return used
