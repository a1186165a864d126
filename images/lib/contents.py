"""What the sandbox image is made of and what is left out of it, each with its reason."""

from __future__ import annotations

SUITE = "trixie"
PYTHON = "3.13"

#: The Debian packages that are unpacked (not installed: no maintainer script runs, no package database is made).
#: Only what the interpreter and the wheels link against is kept of the libraries; see `base.py`.
PACKAGES = [
    "python3.13-minimal",  # /usr/bin/python3.13
    "libpython3.13-minimal",  # the part of the standard library it cannot start without
    "libpython3.13-stdlib",  # the rest of it, pruned below
    "libc6",
    "libc-bin",  # the locale C.UTF-8, which the interpreter's environment names; nothing else of it
    "libgcc-s1",
    "libstdc++6",  # numpy's and pandas' compiled parts
    "gcc-14-base",  # the licence of the two packages above
    "libexpat1",  # the interpreter is linked with it
    "zlib1g",  # likewise
    "libffi8",  # ctypes, by which an evaluation loads its own seccomp filter
]

LIBRARIES = "usr/lib/x86_64-linux-gnu"
STDLIB = f"usr/lib/python{PYTHON}"
#: Debian's interpreter finds packages here without a site directory of its own or an environment variable.
SITE = "usr/lib/python3/dist-packages"
INTERPRETER = f"usr/bin/python{PYTHON}"
LOADER = f"{LIBRARIES}/ld-linux-x86-64.so.2"

#: Kept of everything that the packages unpack to, next to the libraries in use.
KEEP = [
    INTERPRETER,
    f"{STDLIB}/**",
    "usr/lib/locale/C.utf8/**",
    "usr/lib64/ld-linux-x86-64.so.2",
    "usr/share/doc/*/copyright",  # the licences ask for it
]

#: Left out of the standard library. First what serves development, documentation, screens, mail, web and databases; then
#: what reaches for the network or starts programs, which a sandbox denies anyway; then compiled parts, whose libraries
#: (OpenSSL, SQLite, ncurses, readline, Berkeley DB, bzip2, xz) thus need not be there. hashlib keeps its built-in hashes.
#: socket, subprocess, multiprocessing and unittest stay, as numpy or pandas import them.
DROP_STDLIB = [
    "**/__pycache__/**", "EXTERNALLY-MANAGED", "sitecustomize.py", "_distutils_system_mod.py", "config-*/**",
    "ensurepip/**", "idlelib/**", "lib2to3/**", "pydoc_data/**", "test/**", "tkinter/**", "turtle*", "turtledemo/**", "venv/**",
    "_pyrepl/**", "__hello__.py", "__phello__/**", "antigravity.py", "this.py", "_aix_support.py", "_android_support.py",
    "_apple_support.py", "_ios_support.py", "_osx_support.py", "bdb.py", "cProfile.py", "cmd.py", "code.py", "codeop.py",
    "compileall.py", "doctest.py", "modulefinder.py", "pdb.py", "pickletools.py", "profile.py", "pstats.py", "pyclbr.py",
    "pydoc.py", "rlcompleter.py", "symtable.py", "tabnanny.py", "timeit.py", "trace.py", "zipapp.py",
    "curses/**", "dbm/**", "getpass.py", "mailbox.py", "pty.py", "shelve.py", "sqlite3/**", "tty.py", "wave.py", "xmlrpc/**",
    "asyncio/**", "ftplib.py", "http/server.py", "imaplib.py", "poplib.py", "smtplib.py", "socketserver.py", "ssl.py",
    "webbrowser.py", "wsgiref/**", "_sysconfigdata__x86_64-linux-gnu.py",
    "encodings/big5*", "encodings/cp932.py", "encodings/cp949.py", "encodings/cp950.py", "encodings/euc_*", "encodings/gb*",
    "encodings/hz.py", "encodings/iso2022_*", "encodings/johab.py", "encodings/shift_jis*",
    "lib-dynload/_asyncio.*", "lib-dynload/_bz2.*", "lib-dynload/_codecs_*", "lib-dynload/_ctypes_test.*",
    "lib-dynload/_curses*", "lib-dynload/_dbm.*", "lib-dynload/_hashlib.*", "lib-dynload/_interp*", "lib-dynload/_lsprof.*",
    "lib-dynload/_lzma.*", "lib-dynload/_multibytecodec.*", "lib-dynload/_sqlite3.*", "lib-dynload/_ssl.*",
    "lib-dynload/_test*", "lib-dynload/_uuid.*", "lib-dynload/_xx*", "lib-dynload/readline.*", "lib-dynload/xx*",
]  # fmt: skip

#: Left out of the wheels: tests, type stubs, headers and archives for compiling against them. Of f2py only its C sources:
#: `from numpy import *` imports the rest.
DROP_SITE = [
    "**/tests/**", "**/conftest.py", "**/*.pyi", "**/*.pxd", "**/*.pyx", "**/*.h", "**/*.a", "**/*.tpl", "**/py.typed",
    "**/entry_points.txt", "numpy/_core/include/**", "numpy/_core/lib/**", "numpy/_core/_*_tests.*", "numpy/_pyinstaller/**",
    "numpy/f2py/src/**", "numpy/random/_examples/**", "numpy/random/lib/**", "pandas/pyproject.toml", "bin/**",
    "*.data/scripts/**",
]  # fmt: skip

#: Modules of the wheels that stay by name only, as absent.py: the library imports them when it is imported, and no strategy
#: reaches them that the gate accepts under its own policy. Readers and writers of files (PDS001, PDS002), the evaluation of
#: text as code (`query`, `eval`), plotting (PDS004), tests' helpers, the exchange with other libraries' tables, numpy's
#: docstrings. A fifth of the time that an interpreter takes to start, and code that would otherwise lie in the memory of
#: every evaluation.
ABSENT_SITE = [
    "pandas/io/clipboard/*.py", "pandas/io/clipboards.py", "pandas/io/common.py", "pandas/io/excel/*.py",
    "pandas/io/feather_format.py", "pandas/io/html.py", "pandas/io/iceberg.py", "pandas/io/json/*.py", "pandas/io/orc.py",
    "pandas/io/parquet.py", "pandas/io/parsers/*.py", "pandas/io/pickle.py", "pandas/io/pytables.py", "pandas/io/sas/*.py",
    "pandas/io/spss.py", "pandas/io/sql.py", "pandas/io/stata.py", "pandas/io/xml.py",
    "pandas/io/formats/csvs.py", "pandas/io/formats/excel.py", "pandas/io/formats/html.py", "pandas/io/formats/style.py",
    "pandas/io/formats/style_render.py", "pandas/io/formats/xml.py",
    "pandas/core/computation/engines.py", "pandas/core/computation/eval.py", "pandas/core/computation/expr.py",
    "pandas/core/computation/pytables.py",
    "pandas/plotting/*.py", "pandas/_testing/*.py", "pandas/testing.py", "pandas/util/_tester.py",
    "pandas/api/interchange/*.py", "pandas/core/interchange/*.py",
    "numpy/_core/_add_newdocs.py", "numpy/_core/_add_newdocs_scalars.py",
]  # fmt: skip

#: Every group and user there is. No shell and no home exists; UID 1000 is what a sandbox runs as.
PASSWD = b"root:x:0:0:root:/nonexistent:/nonexistent\nstratbox:x:1000:1000:stratbox:/nonexistent:/nonexistent\n"
GROUP = b"root:x:0:\nstratbox:x:1000:\n"

#: Where the runtime and the kubelet mount things; the empty directories spare them the making.
MOUNT_POINTS = ["datasets", "dev", "etc", "proc", "run", "sys"]
