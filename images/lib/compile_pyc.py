"""Run by the image's own interpreter inside the image: compiles one share of its Python files.

Usage: python3.13 compile_pyc.py SHARE SHARES ROOT...

Unchecked-hash files hold no time stamp, so they are the same at every build; and the interpreter then never opens, or
even compares, the source. The shares are fixed by number, not by the machine's cores: what an interpreter compiled before
must not differ between machines, as marshal's output depends on what is still referenced.
"""

import os
import py_compile
import sys


def main() -> None:
    share, shares = int(sys.argv[1]), int(sys.argv[2])
    paths = sorted(
        os.path.join(folder, name)
        for root in sys.argv[3:]
        for folder, _, names in os.walk(root)
        for name in names
        if name.endswith(".py")
    )
    for path in paths[share::shares]:
        py_compile.compile(path, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


main()
